package step

import groovy.json.JsonSlurper
import org.junit.After
import org.junit.Before
import org.junit.Test

/** The step's real shell script runs the real program against the loopback servers. */
class RealDrainTest extends StepTest {

    private Process process
    private BufferedReader answers
    private Map servers

    @Before
    void startServers() {
        File python = new File(System.getProperty('python'))
        assert python.exists(): "no ${python}: make .venv first, or name another one by -Dpython="
        ProcessBuilder builder = new ProcessBuilder(python.path, new File(PROJECT, 'tests/step/demo_servers.py').path)
        process = builder.redirectError(ProcessBuilder.Redirect.INHERIT).start()
        answers = new BufferedReader(new InputStreamReader(process.inputStream))
        servers = new JsonSlurper().parseText(answers.readLine())
        binding.env.JENKINS_URL = servers.jenkins
        jenkins.agent.PATH = "${python.parent}:${jenkins.agent.PATH}".toString()
        jenkins.agent.TEST_OBSERVER_URL = servers.testObserver
        jenkins.credentials.rerunner = [username: 'admin', password: 'jenkins-token']
        jenkins.credentials['to-key'] = 'to_demo'
        jenkins.credentials['gh-token'] = 'gh-token'
    }

    @After
    void stopServers() {
        process?.outputStream?.close()
        process?.waitFor()
    }

    @Test
    void 'the reruns of Jenkins arrive once each and leave the queue, and the build says which failed'() {
        Map report = callStep(JENKINS + [testObserverCredentialsId: 'to-key', buildParameters: ['deb:TESTPLAN=a "b" $c']])

        Map arrived = arrived()
        assert arrived.builds.sort { it.TESTPLAN } == [
            [TEST_OBSERVER_REPORTING: true, TESTPLAN: 'a "b" $c'], [TEST_OBSERVER_REPORTING: true, TESTPLAN: 'smoke']]
        assert arrived.jenkinsPosts == 2
        assert arrived.left == [4, 5]
        assert arrived.users == ['Basic ' + 'admin:jenkins-token'.bytes.encodeBase64()]
        assert arrived.keys == ['Bearer to_demo']
        assert report.counts.triggered == 3
        assert jenkins.build ==
            [result: 'UNSTABLE', description: 'jenkins: 3 triggered, 1 for others, 1 failed, 2 left in the queue (look at rpi4 gone)']
        assert jenkins.workspace.list().length == 0
        assert !jenkins.log.contains('jenkins-token')
    }

    @Test
    void 'the reruns of GitHub are started from a Jenkins pipeline too'() {
        jenkins.agent.putAll(GITHUB_SERVER_URL: 'https://github.com', GITHUB_API_URL: servers.github)

        Map report = callStep(GITHUB + [testObserverCredentialsId: 'to-key', testObserverUrl: servers.testObserver])

        Map arrived = arrived()
        assert report.counts.triggered == 1
        assert arrived.left == [1, 2, 3, 4]
        assert arrived.githubPosts == 1
        assert arrived.jenkinsPosts == 0
    }

    @Test
    void 'the token of a GitHub App starts them as well'() {
        jenkins.agent.putAll(GITHUB_SERVER_URL: 'https://github.com', GITHUB_API_URL: servers.github)
        jenkins.credentials['gh-app'] = [username: '12345', password: 'gh-token']

        Map report = callStep([processor: 'github', githubAppCredentialsId: 'gh-app', testObserverCredentialsId: 'to-key'])

        assert report.counts.triggered == 1
        assert arrived().githubPosts == 1
    }

    @Test
    void 'a dry run starts and removes nothing'() {
        Map report = callStep(JENKINS + [testObserverCredentialsId: 'to-key', dryRun: true, family: 'snap'])

        Map arrived = arrived()
        assert report.dry_run
        assert report.counts.planned == 2
        assert arrived.left == [1, 2, 3, 4, 5]
        assert arrived.jenkinsPosts == 0
        assert jenkins.build.description == 'jenkins: dry run, 2 planned, 1 for others, 3 left in the queue'
    }

    @Test
    void 'a check changes nothing and says what is missing'() {
        Map report = callStep(JENKINS + [testObserverCredentialsId: 'to-key', check: true])

        assert report.checks.size() > 2
        assert arrived().jenkinsPosts == 0
        assert jenkins.build.description.startsWith('jenkins: ')
    }

    @Test
    void 'a wrong setting is an error that the log explains'() {
        assert failure(JENKINS + [limit: 0]) ==
            "rerunTestExecutions: limit: '0' is not allowed: a whole number of 1 or more is (exit code 2)"
        assert jenkins.log.contains("limit: '0'")
    }

    @Test
    void 'a key that Test Observer refuses is an error with its reason'() {
        jenkins.credentials['to-key'] = 'unknown-key'

        String message = failure(JENKINS + [testObserverCredentialsId: 'to-key'])

        assert message.endsWith('(exit code 3)')
        assert message.contains('Test Observer')
        assert !jenkins.log.contains('unknown-key')
        assert arrived().jenkinsPosts == 0
    }

    private Map arrived() {
        process.outputStream.write('state\n'.bytes)
        process.outputStream.flush()
        return new JsonSlurper().parseText(answers.readLine())
    }
}
