package step

import org.junit.Test

class CredentialsTest extends StepTest {

    private static final List<String> SECRETS = [Jenkins.TOKEN, Jenkins.KEY, Jenkins.GITHUB, Jenkins.GITHUB_APP]

    @Test
    void 'the Jenkins processor gets its user and token and no other credential'() {
        callStep(JENKINS + [testObserverCredentialsId: 'to-key', githubCredentialsId: 'gh-token'])

        Map<String, String> all = given()
        assert all.JENKINS_USERNAME == 'reruns'
        assert all.JENKINS_API_TOKEN == Jenkins.TOKEN
        assert all.TEST_OBSERVER_API_KEY == Jenkins.KEY
        assert !all.containsKey('GH_TOKEN')
    }

    @Test
    void 'the GitHub processor gets its token and no other credential'() {
        callStep(GITHUB + [jenkinsCredentialsId: 'rerunner'])

        Map<String, String> all = given()
        assert all.GH_TOKEN == Jenkins.GITHUB
        assert !SECRETS.any { it != Jenkins.GITHUB && it in all.values() }
        assert !all.containsKey('JENKINS_API_TOKEN')
        assert programs.calls()[0].arguments == ['test-executions-rerunner', 'github']
    }

    @Test
    void 'a GitHub App gives its token, and its id to no variable that the program reads'() {
        callStep([processor: 'github', githubAppCredentialsId: 'gh-app', githubCredentialsId: ' '])

        Map<String, String> all = given()
        assert all.GH_TOKEN == Jenkins.GITHUB_APP
        assert all.keySet() == ['GH_TOKEN', 'JENKINS_URL', 'RERUNNER_REPORT'] as Set
        assert !('12345' in all.values())
    }

    @Test
    void 'the token of a GitHub App reaches a container by its name only'() {
        callStep([processor: 'github', githubAppCredentialsId: 'gh-app', image: 'rerunner:1'])

        List<String> arguments = programs.calls()[0].arguments
        assert given().GH_TOKEN == Jenkins.GITHUB_APP
        assert 'GH_TOKEN' in arguments
        assert !arguments.any { it.contains('GITHUB_APP') || it.contains(Jenkins.GITHUB_APP) || it.contains('12345') }
    }

    @Test
    void 'a credential of the other kind is refused by Jenkins, and nothing runs'() {
        assert failure(GITHUB + [githubCredentialsId: 'gh-app']).contains('of another type')
        assert failure([processor: 'github', githubAppCredentialsId: 'gh-token']).contains('of another type')
        assert jenkins.shells == []
    }

    @Test
    void 'the GitHub processor needs no address of a controller'() {
        binding.env = [:]

        callStep(GITHUB)

        assert !given().containsKey('JENKINS_URL')
    }

    @Test
    void 'a Jenkins credential without an address is refused, since it would go to some other controller'() {
        binding.env = [:]

        assert failure(JENKINS).contains('jenkinsUrl: missing')
        assert jenkins.shells == []
    }

    @Test
    void 'a given address beats the one of the controller'() {
        callStep(JENKINS + [jenkinsUrl: 'https://other.example'])

        assert given().JENKINS_URL == 'https://other.example'
    }

    @Test
    void 'no secret is in a script, an argument, the log, the description or the result'() {
        programs.endWith(1, [counts: [failed: 1]])

        Object report = callStep(JENKINS + [testObserverCredentialsId: 'to-key', image: 'rerunner:1'])

        SECRETS.each { secret ->
            assert !jenkins.shells.any { it.script.contains(secret) || it.output.contains(secret) }
            assert !programs.calls().any { call -> call.arguments.any { it.contains(secret) } }
            assert !jenkins.log.contains(secret)
            assert !jenkins.build.toString().contains(secret)
            assert !report.toString().contains(secret)
        }
    }

    @Test
    void 'what a program prints of a secret is masked'() {
        programs.leak()

        callStep(JENKINS)

        assert jenkins.log.contains('token: ****')
        assert !jenkins.log.contains(Jenkins.TOKEN)
    }

    @Test
    void 'credentials are bound only while the program runs'() {
        callStep(JENKINS)

        assert jenkins.shells.size() == 1
        assert !jenkins.environment().containsKey('JENKINS_API_TOKEN')
        assert !jenkins.environment().keySet().any { it.startsWith('RERUNNER_') }
    }

    @Test
    void 'a secret text that is empty is said to be, and nothing runs without a key'() {
        [[:], [image: 'rerunner:1']].each { more ->
            jenkins.credentials['to-key'] = ''
            String message = failure(JENKINS + [testObserverCredentialsId: 'to-key'] + more)

            assert message.contains('a setting is wrong or a credential is missing')
            assert jenkins.log.contains('testObserverCredentialsId: the secret text is empty')
            assert programs.calls() == []
            assert jenkins.workspace.list().length == 0
        }
    }

    @Test
    void 'a credential that does not exist fails with its id and leaves nothing behind'() {
        assert failure([jenkinsCredentialsId: 'nobody']) == "Could not find credentials entry with ID 'nobody'"
        assert jenkins.shells == []
        assert jenkins.workspace.list().length == 0
    }
}
