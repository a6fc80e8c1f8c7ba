package step

import org.junit.Test
import org.junit.runner.RunWith
import org.junit.runners.Parameterized
import org.junit.runners.Parameterized.Parameter
import org.junit.runners.Parameterized.Parameters

@RunWith(Parameterized)
class ParametersTest extends StepTest {

    @Parameter(0) public String id
    @Parameter(1) public Map parameters
    @Parameter(2) public Map<String, String> expected

    @Parameters(name = '{0}')
    static List<Object[]> cases() {
        [
            ['testObserverUrl', [testObserverUrl: 'https://to.example'], [TEST_OBSERVER_URL: 'https://to.example']],
            ['testObserverCredentialsId', [testObserverCredentialsId: 'to-key'], [TEST_OBSERVER_API_KEY: Jenkins.KEY]],
            ['jenkinsPublicUrl', [jenkinsPublicUrl: 'https://ci.example'], [JENKINS_PUBLIC_URL: 'https://ci.example']],
            ['jenkinsUrl', [jenkinsUrl: 'http://10.0.0.1:8080'], [JENKINS_URL: 'http://10.0.0.1:8080']],
            ['repo as text', [repo: 'canonical/a canonical/b'], [RERUNNER_REPO: 'canonical/a canonical/b']],
            ['repo as list', [repo: ['canonical/a', "canonical/${'b'}"]], [RERUNNER_REPO: 'canonical/a\ncanonical/b']],
            ['family', [family: 'snap'], [RERUNNER_FAMILY: 'snap']],
            ['environment', [environment: 'rpi 400'], [RERUNNER_ENVIRONMENT: 'rpi 400']],
            ['environmentArchitecture', [environmentArchitecture: 'arm64'],
                [RERUNNER_ENVIRONMENT_ARCHITECTURE: 'arm64']],
            ['buildArchitecture', [buildArchitecture: 'armhf'], [RERUNNER_BUILD_ARCHITECTURE: 'armhf']],
            ['limit as number', [limit: 20], [RERUNNER_LIMIT: '20']],
            ['limit as long number', [limit: 20L], [RERUNNER_LIMIT: '20']],
            ['limit as text', [limit: '20'], [RERUNNER_LIMIT: '20']],
            ['rerun', [rerun: 'failed-jobs'], [RERUNNER_RERUN: 'failed-jobs']],
            ['rerun of a job', [rerun: 'job'], [RERUNNER_RERUN: 'job']],
            ['maxAttempts', [maxAttempts: 3], [RERUNNER_MAX_ATTEMPTS: '3']],
            ['parametersFrom', [parametersFrom: 'build'], [RERUNNER_PARAMETERS_FROM: 'build']],
            ['acknowledge', [acknowledge: 'started'], [RERUNNER_ACKNOWLEDGE: 'started']],
            ['maxPerDay', [maxPerDay: 2], [RERUNNER_MAX_PER_DAY: '2']],
            ['maxQueued', [maxQueued: 40], [RERUNNER_MAX_QUEUED: '40']],
            ['skipArchived', [skipArchived: true], [RERUNNER_SKIP_ARCHIVED: 'true']],
            ['skipDecided', [skipDecided: true], [RERUNNER_SKIP_DECIDED: 'true']],
            ['minPriority', [minPriority: -5], [RERUNNER_MIN_PRIORITY: '-5']],
            ['announce', [announce: 'yes'], [RERUNNER_ANNOUNCE: 'yes']],
            ['timeLimit', [timeLimit: 25], [RERUNNER_TIME_LIMIT: '25']],
            ['buildParameters as text', [buildParameters: 'deb:TESTPLAN=full\nA=b c'],
                [RERUNNER_BUILD_PARAMETERS: 'deb:TESTPLAN=full\nA=b c']],
            ['buildParameters as list', [buildParameters: ['deb:TESTPLAN=full', 'A=b c']],
                [RERUNNER_BUILD_PARAMETERS: 'deb:TESTPLAN=full\nA=b c']],
            ['requests', [requests: 'queue/requests.json'], [RERUNNER_REQUESTS: 'queue/requests.json']],
            ['discardRefused', [discardRefused: true], [RERUNNER_DISCARD_REFUSED: 'true']],
            ['dryRun', [dryRun: true], [RERUNNER_DRY_RUN: 'true']],
            ['dryRun off', [dryRun: false], [RERUNNER_DRY_RUN: 'false']],
            ['dryRun as text', [dryRun: 'Yes'], [RERUNNER_DRY_RUN: 'Yes']],
            ['check', [check: true], [RERUNNER_CHECK: 'true']],
            ['concurrency', [concurrency: 4], [RERUNNER_CONCURRENCY: '4']],
            ['none', [:], [:]],
            ['null', [family: null, limit: null, repo: null, dryRun: null, image: null], [:]],
            ['empty text', [family: '', limit: '', repo: '', dryRun: ' ', command: '', processor: ''], [:]],
            ['blank image', [image: ' '], [:]],
            ['blank image beside a command', [image: '\n', command: 'test-executions-rerunner'], [:]],
            ['blank credentials that are not needed',
                [testObserverCredentialsId: ' ', githubCredentialsId: "${'\t'}"], [:]],
            ['empty list', [repo: [], buildParameters: []], [:]],
        ].collect { it as Object[] }
    }

    @Test
    void 'a parameter reaches the program as its variable, and what is not given is not set'() {
        callStep(JENKINS + parameters)

        Map<String, String> all = given()
        assert all.RERUNNER_REPORT ==~ 'rerunTestExecutions-[0-9a-f-]{36}/report.json'
        assert all - [RERUNNER_REPORT: all.RERUNNER_REPORT] == [JENKINS_URL: 'https://jenkins.example/ci/',
            JENKINS_USERNAME: 'reruns', JENKINS_API_TOKEN: Jenkins.TOKEN] + expected
        assert programs.calls()[0].arguments == ['test-executions-rerunner', 'jenkins']
    }
}
