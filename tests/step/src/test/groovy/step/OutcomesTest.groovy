package step

import org.junit.Test

class OutcomesTest extends StepTest {

    @Test
    void 'the report comes back as a map and the counts become the description'() {
        programs.endWith(0, [counts: [triggered: 2, 'already-rerun': 1], remaining: 4, requests: [
            [test_execution_id: 5, outcome: 'triggered', reason: 'größer', target: 'lab', link: null, deleted: true]]])

        Map report = callStep(JENKINS)

        assert report.counts.triggered == 2
        assert report.counts.failed == 0
        assert report.requests == [[test_execution_id: 5, outcome: 'triggered', reason: 'größer', target: 'lab',
            link: null, deleted: true]]
        assert jenkins.build == [result: 'SUCCESS',
            description: 'jenkins: 2 triggered, 1 already rerun, 4 left in the queue']
    }

    @Test
    void 'the report survives a restart of the controller'() {
        programs.endWith(0, [requests: [[test_execution_id: 5, more: [deep: [1, 2.5, 3000000000, null, true]]]]])

        Object report = callStep(JENKINS)

        ByteArrayOutputStream bytes = new ByteArrayOutputStream()
        new ObjectOutputStream(bytes).writeObject(report)
        assert new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray())).readObject() == report
    }

    @Test
    void 'an empty queue is said to be one'() {
        callStep(JENKINS)

        assert jenkins.build == [result: 'SUCCESS', description: 'jenkins: nothing to rerun']
    }

    @Test
    void 'a dry run says so'() {
        programs.endWith(0, [dry_run: true, counts: [planned: 3, unsupported: 1], remaining: 4])

        callStep(JENKINS + [dryRun: true])

        assert jenkins.build.description == 'jenkins: dry run, 3 planned, 1 for others, 4 left in the queue'
    }

    @Test
    void 'a check says what came out of it'() {
        List checks = [[name: 'a', ok: true, message: '', fix: null], [name: 'b', ok: null, message: '', fix: null]]
        programs.endWith(0, [checks: checks])
        callStep(JENKINS + [check: true])
        assert jenkins.build == [result: 'SUCCESS', description: 'jenkins: access checked']

        jenkins.build.description = null
        programs.endWith(1, [checks: checks + [[name: 'c', ok: false, message: 'no', fix: 'do']]])
        callStep(JENKINS + [check: true])
        assert jenkins.build == [result: 'UNSTABLE', description: 'jenkins: 1 of 3 checks failed']
    }

    @Test
    void 'a description that stands already is kept'() {
        jenkins.build.description = 'by hand'

        callStep(JENKINS)
        callStep(GITHUB)

        assert jenkins.build.description == 'by hand; jenkins: nothing to rerun; github: nothing to rerun'
    }

    @Test
    void 'nothing from outside gets into the description'() {
        programs.endWith(1, [counts: [failed: 1, '<b>x</b>': 1], remaining: '<b>x</b>', error: '<b>x</b>',
            requests: [[outcome: 'failed', reason: '<b>x</b>', target: '<b>x</b>']]])

        callStep(JENKINS)

        assert jenkins.build.description == 'jenkins: 1 failed (look at ?b?x?/b?)'
    }

    @Test
    void 'the description names what failed, three at most'() {
        List requests = ['a', 'b', 'b', 'c', 'd', 'e'].collect { [outcome: 'failed', target: it, environment: 'rpi4'] }
        requests << [outcome: 'triggered', target: 'f']
        programs.endWith(1, [counts: [failed: 6, triggered: 1], requests: requests])

        callStep(JENKINS)

        assert jenkins.build.description ==
            'jenkins: 1 triggered, 6 failed (look at rpi4 a, rpi4 b, rpi4 c, and more)'
    }

    @Test
    void 'exit code 1 makes the build unstable and names the counts'() {
        programs.endWith(1, [counts: [triggered: 1, failed: 2, unknown: 1], remaining: 3])

        Map report = callStep(JENKINS)

        assert report.counts.failed == 2
        assert jenkins.build.result == 'UNSTABLE'
        assert jenkins.log.contains(
            'WARNING: rerunTestExecutions: 1 triggered, 2 failed, 1 unknown, 3 left in the queue\n')

        programs.endWith(1, [counts: [failed: 2], error: 'A delete\nfailed.'])
        callStep(JENKINS)
        assert jenkins.log.contains('WARNING: rerunTestExecutions: 2 failed: A delete failed.\n')
    }

    @Test
    void 'a higher exit code is an error with the reason of the report'() {
        [2, 3, 70, 130, 143].each { code ->
            jenkins.build.description = null
            programs.endWith(code, [error: 'It rains.\nTwice.', counts: [triggered: 1], remaining: 2])

            assert failure(JENKINS) == "rerunTestExecutions: It rains. Twice. (exit code ${code})"
            assert jenkins.build.description ==
                "jenkins: stopped with exit code ${code}, 1 triggered, 2 left in the queue"
            assert jenkins.workspace.list().length == 0
        }
    }

    @Test
    void 'a higher exit code without a report is an error with the meaning of the code'() {
        Map<Integer, String> meanings = [
            2: 'a setting is wrong or a credential is missing', 3: 'Test Observer could not be used',
            70: 'a bug of the program', 99: 'the program ended unexpectedly', 125: 'Docker could not start',
            126: 'the program may not be executed', 137: 'killed', 143: 'interrupted']
        meanings.each { code, meaning ->
            programs.endWith(code, null)
            String message = failure(JENKINS)
            assert message.startsWith("rerunTestExecutions: ${meaning}")
            assert message.endsWith(" (exit code ${code})")
        }
        assert jenkins.build.description == null
    }

    @Test
    void 'a program that is not on the agent is an error that says how to get it'() {
        programs.remove('test-executions-rerunner')

        String message = failure(JENKINS)

        assert message.contains('install test-executions-rerunner')
        assert message.endsWith('(exit code 127)')
    }

    @Test
    void 'a report that is missing or broken after exit code 0 or 1 is an error that says so'() {
        Map<Object, String> reports = [
            (null): 'left no report', '': 'left no report', '[]': 'left a broken report', '"text"': 'left a broken report',
            'null': 'left a broken report', '{}': 'left a broken report', 'no JSON': 'left a broken report',
            '\u0000': 'left a broken report', '   ': 'left a broken report',
            '{"version": 4, "counts": {}, "requests": [], "checks": []}': 'left a report of another version']
        reports.each { report, problem ->
            int code = report?.toString()?.size() == 2 ? 1 : 0
            programs.endWith(code, report)
            String message = failure(JENKINS)
            assert message.startsWith("rerunTestExecutions: the program ended with exit code ${code}, but ${problem}"): report
        }
        assert jenkins.build == [result: 'SUCCESS', description: null]
    }

    @Test
    void 'a report that was cut short anywhere is a broken one'() {
        Script step = loadStep()
        String whole = '{"version": 1, "counts": {"triggered": 1}, "requests": [{"test_execution_id": 12}], "checks": []}'

        assert step.invokeMethod('reportIn', [whole] as Object[]).keySet() == ['report'] as Set
        (1..<whole.size()).each { int length ->
            Object found = step.invokeMethod('reportIn', [whole.take(length)] as Object[])
            assert found == [problem: 'left a broken report']: whole.take(length)
        }
    }

    @Test
    void 'nothing is left in the workspace whatever the end'() {
        [0, 1, 3].each { code ->
            programs.endWith(code)
            try {
                callStep(JENKINS)
            } catch (StepFailure expected) {
                assert code == 3
            }
            assert jenkins.workspace.list().length == 0
        }
    }

    @Test
    void 'a step that is tried again says the same only once'() {
        programs.endWith(3, [error: 'It rains.', counts: [triggered: 1]])
        3.times { failure(JENKINS) }
        programs.endWith(0, [counts: [triggered: 1]])
        callStep(JENKINS)

        assert jenkins.build.description == 'jenkins: stopped with exit code 3, 1 triggered; jenkins: 1 triggered'
    }

    @Test
    void 'an aborted build says what was done where the program wrote its report in time'() {
        programs.endWith(143, [error: 'interrupted by SIGTERM', counts: [triggered: 2, deferred: 1], remaining: null])
        programs.hangAfterReport()
        jenkins.isAborted = true

        Throwable thrown = null
        try {
            callStep(JENKINS)
        } catch (InterruptedException expected) {
            thrown = expected
        }

        assert thrown.message == 'aborted'
        assert jenkins.build == [result: 'ABORTED',
            description: 'jenkins: stopped with exit code 143, 2 triggered, 1 deferred']
        assert jenkins.workspace.list().length == 0
    }

    @Test
    void 'an aborted build whose report was cut off says nothing'() {
        programs.endWith(143, '{"version": 3, "counts": {"triggered": 1')
        programs.hangAfterReport()
        jenkins.isAborted = true

        try {
            callStep(JENKINS)
        } catch (InterruptedException expected) {
            assert expected.message == 'aborted'
        }

        assert jenkins.build == [result: 'ABORTED', description: null]
    }

    @Test
    void 'an aborted build stays aborted and leaves nothing behind'() {
        programs.hang()
        jenkins.isAborted = true

        Throwable thrown = null
        try {
            callStep(JENKINS)
        } catch (InterruptedException expected) {
            thrown = expected
        }

        assert thrown.message == 'aborted'
        assert jenkins.build == [result: 'ABORTED', description: null]
        assert jenkins.workspace.list().length == 0
    }

    @Test
    void 'the step works in a folder of the workspace'() {
        new File(jenkins.workspace, 'sub').mkdir()

        jenkins.dir('sub') { callStep(JENKINS) }

        assert programs.calls()[0].folder == "${jenkins.workspace}/sub"
        assert new File(jenkins.workspace, 'sub').list().length == 0
    }

    @Test
    void 'a trusted library behaves in the same way'() {
        useTrusted()
        programs.endWith(1, [counts: [triggered: 2, failed: 1]])

        Map report = callStep(JENKINS + [repo: ['a/b', 'c/d'], limit: 5])

        assert report.counts.triggered == 2
        assert jenkins.build == [result: 'UNSTABLE', description: 'jenkins: 2 triggered, 1 failed']
        assert given().RERUNNER_REPO == 'a/b\nc/d'
        assert failure([limt: 1]).contains('limt: ')
    }
}
