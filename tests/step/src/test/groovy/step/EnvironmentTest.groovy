package step

import java.nio.file.Files
import org.junit.Test

class EnvironmentTest extends StepTest {

    @Test
    void 'a setting of the agent or the pipeline holds where no parameter is given'() {
        jenkins.agent.putAll(RERUNNER_DRY_RUN: 'true', RERUNNER_LIMIT: '3')

        jenkins.withEnv(['RERUNNER_FAMILY=deb']) { callStep(JENKINS + [limit: 5]) }

        Map<String, String> all = programs.calls()[0].environment
        assert all.RERUNNER_DRY_RUN == 'true'
        assert all.RERUNNER_FAMILY == 'deb'
        assert all.RERUNNER_LIMIT == '5'
    }

    @Test
    void 'what looks like an input of an action does not beat a parameter'() {
        jenkins.agent.putAll(INPUT_LIMIT: '99', INPUT_JENKINS_URL: 'http://other', INPUT_DRY_RUN: 'no\nINPUT_X=1',
            LAST: 'a\nINPUT_FAMILY=b')

        callStep(JENKINS + [limit: 5])

        Map<String, String> all = programs.calls()[0].environment
        assert !all.keySet().any { it.startsWith('INPUT_') }
        assert all.LAST == 'a\nINPUT_FAMILY=b'
    }

    @Test
    void 'a report that the agent asks for elsewhere does not hide it from the step'() {
        jenkins.agent.RERUNNER_REPORT = '/nowhere/report.json'

        assert callStep(JENKINS).version == 1
    }

    @Test
    void 'another command is found by its path'() {
        String path = new File(jenkins.root, 'my tools/rerunner').path
        programs.install(path)

        callStep(JENKINS + [command: path])

        assert programs.calls()*.arguments == [['rerunner', 'jenkins']]
    }

    @Test
    void 'an agent with Windows is refused before any shell is asked for, and what is allowed is named'() {
        jenkins.isUnix = false

        [JENKINS, GITHUB, JENKINS + [image: 'rerunner:1']].each { parameters ->
            String message = failure(parameters)
            assert message.startsWith('rerunTestExecutions: this agent runs Windows')
            assert message.endsWith('allowed is an agent on Linux or another Unix')
        }
        assert jenkins.shells == []
        assert jenkins.workspace.list().length == 0
    }

    @Test
    void 'the folder of the report is for the agent alone'() {
        callStep(JENKINS)

        assert programs.calls()[0].mode == '700'
    }

    @Test
    void 'an agent that is another user than the one who runs the program can read the report and delete its folder'() {
        boolean isRoot = System.getProperty('user.name') == 'root'
        File workspace = isRoot ? jenkins.workspace : new File('/tmp')
        if (isRoot) {
            Integer nobody = 65534
            Files.setAttribute(workspace.toPath(), 'unix:uid', nobody)
        }

        jenkins.dir(workspace.path) { callStep(JENKINS) }

        assert programs.calls()[0].mode == '777'
        assert !workspace.list().any { it.startsWith('rerunTestExecutions') }
    }

    @Test
    void 'two drains at once in one workspace do not meet'() {
        callStep(JENKINS)
        callStep(JENKINS)

        List<String> reports = programs.calls()*.environment*.RERUNNER_REPORT
        assert reports.size() == 2
        assert reports.toSet().size() == 2
    }
}
