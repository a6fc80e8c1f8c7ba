package step

import org.junit.Test

class DockerTest extends StepTest {

    public static final List<String> NAMES = [
        'TEST_OBSERVER_URL', 'TEST_OBSERVER_API_KEY', 'JENKINS_URL', 'JENKINS_PUBLIC_URL', 'JENKINS_USERNAME',
        'JENKINS_API_TOKEN', 'GH_TOKEN', 'GITHUB_SERVER_URL', 'GITHUB_API_URL', 'RERUNNER_REPO', 'RERUNNER_FAMILY',
        'RERUNNER_ENVIRONMENT',
        'RERUNNER_ENVIRONMENT_ARCHITECTURE', 'RERUNNER_BUILD_ARCHITECTURE', 'RERUNNER_LIMIT', 'RERUNNER_RERUN',
        'RERUNNER_MAX_ATTEMPTS', 'RERUNNER_PARAMETERS_FROM', 'RERUNNER_MAX_PER_DAY', 'RERUNNER_MAX_QUEUED',
        'RERUNNER_SKIP_ARCHIVED', 'RERUNNER_SKIP_DECIDED', 'RERUNNER_MIN_PRIORITY', 'RERUNNER_ACKNOWLEDGE',
        'RERUNNER_ANNOUNCE', 'RERUNNER_TIME_LIMIT', 'RERUNNER_BUILD_PARAMETERS', 'RERUNNER_REQUESTS',
        'RERUNNER_DISCARD_REFUSED', 'RERUNNER_DRY_RUN', 'RERUNNER_CHECK', 'RERUNNER_CONCURRENCY',
        'RERUNNER_REPORT', 'RERUNNER_STEP_PROCESSOR',
        'HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY', 'https_proxy', 'http_proxy', 'no_proxy', 'REQUESTS_CA_BUNDLE']
    public static final String IMAGE = 'ghcr.io/owner/test-executions-rerunner:1.0@sha256:' + '0' * 64

    @Test
    void 'the image runs once, with the uid of the agent and with variables by name only'() {
        callStep(JENKINS + [image: IMAGE, family: 'snap', testObserverCredentialsId: 'to-key'])

        List<Map> calls = programs.calls()
        assert calls.size() == 1
        assert calls[0].arguments == expected()
        assert given().RERUNNER_FAMILY == 'snap'
        assert given().JENKINS_API_TOKEN == Jenkins.TOKEN
        assert given().TEST_OBSERVER_API_KEY == Jenkins.KEY
    }

    @Test
    void 'the report is read from the mounted folder, which is then removed'() {
        programs.endWith(0, [counts: [triggered: 3]])

        assert callStep(JENKINS + [image: IMAGE]).counts.triggered == 3
        assert jenkins.workspace.list().length == 0
    }

    @Test
    void 'the GitHub processor is named to the image'() {
        callStep(GITHUB + [image: IMAGE])

        assert programs.calls()[0].arguments[-2..-1] == [IMAGE, 'github']
    }

    @Test
    void 'the workspace can be read where the requests come from a file of it'() {
        callStep(JENKINS + [image: IMAGE, requests: 'requests.json'])

        assert programs.calls()[0].arguments ==
            expected(['--volume', "${jenkins.workspace}:${jenkins.workspace}:ro,z".toString()])
    }

    @Test
    void 'a private CA of the agent can be read'() {
        File bundle = new File(jenkins.root, 'the ca.pem')
        bundle.text = 'a certificate'
        jenkins.agent.REQUESTS_CA_BUNDLE = bundle.path

        callStep(JENKINS + [image: IMAGE])

        assert programs.calls()[0].arguments == expected(['--volume', "${bundle}:${bundle}:ro".toString()])
    }

    @Test
    void 'a private CA that is not there makes no folder of its name'() {
        jenkins.agent.REQUESTS_CA_BUNDLE = new File(jenkins.root, 'missing.pem').path

        callStep(JENKINS + [image: IMAGE])

        assert programs.calls()[0].arguments == expected()
    }

    @Test
    void 'proxies reach the Docker client under their names'() {
        jenkins.agent.putAll(HTTPS_PROXY: 'http://proxy:1', no_proxy: 'lab')

        callStep(JENKINS + [image: IMAGE])

        assert programs.calls()[0].environment.HTTPS_PROXY == 'http://proxy:1'
        assert programs.calls()[0].environment.no_proxy == 'lab'
    }

    @Test
    void 'an aborted build stops the container and gives it the time to finish'() {
        programs.hang()
        jenkins.isAborted = true

        String thrown = null
        try {
            callStep(JENKINS + [image: IMAGE])
        } catch (InterruptedException expected) {
            thrown = expected.message
        }

        assert thrown == 'aborted'
        List<Map> calls = programs.calls()
        assert calls*.arguments == [expected(), ['docker', 'stop', '-t', '10', nameOf(calls[0])]]
        assert jenkins.workspace.list().length == 0
    }

    @Test
    void 'a container that ended by itself needs no second call'() {
        programs.endWith(3)

        failure(JENKINS + [image: IMAGE])

        assert programs.calls()*.arguments*.getAt(1) == ['run']
    }

    @Test
    void 'an agent without Docker is an error that says so'() {
        programs.remove('docker')

        String message = failure(JENKINS + [image: IMAGE])

        assert message.contains('install Docker')
        assert message.endsWith('(exit code 127)')
    }

    private List<String> expected(List<String> more = []) {
        List<Map> calls = programs.calls()
        String name = nameOf(calls[0])
        assert name ==~ 'rerunTestExecutions-[0-9a-f-]{36}'
        String folder = "${jenkins.workspace}/${name}"
        String user = ['id', '-u'].execute().text.trim() + ':' + ['id', '-g'].execute().text.trim()
        return ['docker', 'run', '--rm', '--name', name, '--read-only', '--user', user,
            '--volume', "${folder}:${folder}:rw,z".toString(), '--workdir', jenkins.workspace.path] + more +
            NAMES.collectMany { ['--env', it] } + [IMAGE, 'jenkins']
    }

    private static String nameOf(Map call) {
        call.arguments[call.arguments.indexOf('--name') + 1]
    }
}
