package step

import java.nio.file.Files
import org.junit.Assume
import org.junit.Before
import org.junit.Test

/** Holds the tests' own engine against what Jenkins would refuse: without that, no other test here says much. */
class SandboxTest extends StepTest {

    @Before
    void requireWhitelist() {
        if (!WHITELIST.exists()) {
            String loud = "NOT TESTED: the step in the script sandbox, whose list is missing: ${WHITELIST.name}"
            System.err.println(loud)
            assert System.getenv('RERUNNER_REQUIRE_ALL') != '1': loud
            Assume.assumeTrue(loud, false)
        }
    }

    @Test
    void 'the sandbox refuses files, the classic parser and casts that make calls'() {
        ['new File("/etc/passwd").text': 'new java.io.File',
         'new groovy.json.JsonSlurperClassic().parseText("{}")': 'new groovy.json.JsonSlurperClassic',
         '"id".execute()': 'method java.lang.String execute',
         'System.getenv("HOME")': 'staticMethod java.lang.System getenv',
         '[] as Map': 'method java.util.ArrayList ',
        ].each { code, expected ->
            assert thrownBy("def call() { ${code} }").message.contains(expected)
            assert thrownBy("@NonCPS def inner() { ${code} }\ndef call() { inner() }").message.contains('not permitted')
        }
    }

    @Test
    void 'the engine refuses to hold what cannot be serialised while a step runs'() {
        Throwable thrown = thrownBy('''
            def call() { withEnv([]) { def held = ("a" =~ /a/); echo("b"); return held.find() } }''')

        assert thrown.toString().contains('java.util.regex.Matcher')
    }

    @Test
    void 'the sandbox has refused nothing of the step'() {
        callStep(JENKINS + [repo: ['a/b'], limit: 5, dryRun: true, testObserverCredentialsId: 'to-key'])
        programs.endWith(1, [counts: [failed: 1]])
        callStep(GITHUB + [image: 'rerunner:1'])
        programs.endWith(3)
        failure(GITHUB)
        failure([processor: 'github', githubAppCredentialsId: 'gh-app'])
        failure([unknown: 1, limit: 1.5, repo: [1]])

        assert sandbox.refused == []
        assert sandbox.seen.containsAll(['parseText', 'randomUUID', 'matches'])
    }

    private Throwable thrownBy(String code) {
        File script = Files.createTempFile(jenkins.root.toPath(), 'probe', '.groovy').toFile()
        script.text = code
        try {
            run { helper.loadScript(script.path, binding).invokeMethod('call', [] as Object[]) }
        } catch (Throwable thrown) {
            return thrown
        }
        throw new AssertionError("nothing refused: ${code}" as Object)
    }
}
