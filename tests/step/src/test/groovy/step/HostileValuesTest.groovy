package step

import org.junit.Test
import org.junit.runner.RunWith
import org.junit.runners.Parameterized
import org.junit.runners.Parameterized.Parameter
import org.junit.runners.Parameterized.Parameters

@RunWith(Parameterized)
class HostileValuesTest extends StepTest {

    public static final Map<String, String> TEXTS = [
        testObserverUrl: 'TEST_OBSERVER_URL', jenkinsUrl: 'JENKINS_URL',
        jenkinsPublicUrl: 'JENKINS_PUBLIC_URL', repo: 'RERUNNER_REPO', family: 'RERUNNER_FAMILY', environment: 'RERUNNER_ENVIRONMENT',
        environmentArchitecture: 'RERUNNER_ENVIRONMENT_ARCHITECTURE', buildArchitecture: 'RERUNNER_BUILD_ARCHITECTURE',
        limit: 'RERUNNER_LIMIT', maxAttempts: 'RERUNNER_MAX_ATTEMPTS', maxPerDay: 'RERUNNER_MAX_PER_DAY',
        maxQueued: 'RERUNNER_MAX_QUEUED', minPriority: 'RERUNNER_MIN_PRIORITY', timeLimit: 'RERUNNER_TIME_LIMIT',
        buildParameters: 'RERUNNER_BUILD_PARAMETERS', requests: 'RERUNNER_REQUESTS', concurrency: 'RERUNNER_CONCURRENCY']
    public static final List<String> CHOICES = [
        'processor', 'rerun', 'parametersFrom', 'skipArchived', 'skipDecided', 'announce', 'discardRefused', 'dryRun',
        'check', 'image']
    public static final Map<String, String> CREDENTIALS = [
        testObserverCredentialsId: 'TEST_OBSERVER_API_KEY', jenkinsCredentialsId: 'JENKINS_API_TOKEN',
        githubCredentialsId: 'GH_TOKEN', githubAppCredentialsId: 'GH_TOKEN']
    public static final List<String> PAIRS = ['jenkinsCredentialsId', 'githubAppCredentialsId']

    @Parameter(0) public String id
    @Parameter(1) public String value

    @Parameters(name = '{0}')
    static List<Object[]> cases() {
        [
            ['single quote', "a'; touch pwned; '"],
            ['double quote', 'a"; touch pwned; "'],
            ['command substitution', '$(touch pwned)'],
            ['backquotes', '`touch pwned`'],
            ['line breaks', 'a\ntouch pwned\r\nINPUT_LIMIT=1\nRERUNNER_DRY_RUN=1'],
            ['option', '-e'],
            ['long option', '--volume=/:/host'],
            ['variable', '$JENKINS_API_TOKEN ${JENKINS_API_TOKEN}'],
            ['separators', 'a; touch pwned & touch pwned | touch pwned > pwned'],
            ['glob and home', '~ * ?'],
            ['backslash at the end', 'a\\'],
            ['not ASCII', 'größe 日本 \u202e'],
        ].collect { it as Object[] }
    }

    @Test
    void 'a hostile value arrives unchanged in its variable and nowhere else'() {
        callStep(JENKINS + TEXTS.collectEntries { name, variable -> [(name): value] })

        Map<String, String> all = given()
        TEXTS.each { name, variable -> assert all[variable] == value }
        assert all.keySet() - TEXTS.values() ==
            ['JENKINS_USERNAME', 'JENKINS_API_TOKEN', 'RERUNNER_REPORT'] as Set
        assert programs.calls()[0].arguments == ['test-executions-rerunner', 'jenkins']
        assert jenkins.workspace.list().length == 0
        assert !jenkins.log.contains('pwned')
    }

    @Test
    void 'a hostile value arrives unchanged in the environment of the Docker client and not in its arguments'() {
        callStep(JENKINS + [image: 'rerunner:1'] + TEXTS.collectEntries { name, variable -> [(name): value] })
        Map<String, String> all = given()
        TEXTS.each { name, variable -> assert all[variable] == value }

        callStep(JENKINS + [image: 'rerunner:1', requests: 'harmless'])
        List<List<String>> both = programs.calls()*.arguments.collect { List<String> arguments ->
            String name = arguments[arguments.indexOf('--name') + 1]
            arguments.collect { it.replace(name, 'NAME') }
        }
        assert both[0] == both[1]
        assert jenkins.workspace.list().length == 0
    }

    @Test
    void 'a hostile value is refused where only some values are allowed'() {
        String message = failure(JENKINS + CHOICES.collectEntries { [(it): value] })

        CHOICES.each { assert message.contains("${it}: ") }
        assert message.readLines().size() == 1
        assert jenkins.shells == []
    }

    @Test
    void 'a hostile id of a credential is looked up as it stands'() {
        CREDENTIALS.each { name, variable ->
            jenkins.credentials[value] = name in PAIRS ? [username: 'a', password: 'hidden'] : 'hidden'
            Map others = variable == 'GH_TOKEN' ? [processor: 'github'] : JENKINS
            callStep(others + [(name): value])
            assert jenkins.shells.last().environment[variable] == 'hidden'
        }
        assert jenkins.workspace.list().length == 0
    }

    @Test
    void 'a hostile command is the name of one program, and no option'() {
        String command = value.replace('/', '_')
        programs.install(command)

        if (value.startsWith('-')) {
            assert failure(JENKINS + [command: command]).contains('command: ')
            assert jenkins.shells == []
        } else {
            callStep(JENKINS + [command: command])
            assert programs.calls()[0].arguments == [command, 'jenkins']
        }
        assert jenkins.workspace.list().length == 0
    }
}
