package step

import com.lesfurets.jenkins.unit.PipelineTestHelper
import com.lesfurets.jenkins.unit.cps.PipelineTestHelperCPS
import java.lang.reflect.InvocationTargetException
import org.junit.After
import org.junit.Before

/** Loads the step as the pipeline engine does, CPS and, where its list is there, the script sandbox included. */
abstract class StepTest {

    public static final File PROJECT = new File(System.getProperty('project.root')).canonicalFile
    public static final File WHITELIST = new File(PROJECT, '../shared/data/script-security-generic-whitelist.txt')
    public static final Map JENKINS = [jenkinsCredentialsId: 'rerunner']
    public static final Map GITHUB = [processor: 'github', githubCredentialsId: 'gh-token']

    private static final PipelineTestHelper TRUSTED = prepare(new PipelineTestHelperCPS())
    private static final PipelineTestHelper SANDBOXED = WHITELIST.exists() ? prepare(new SandboxedHelper()) : TRUSTED

    protected PipelineTestHelper helper = SANDBOXED
    protected Jenkins jenkins
    protected Programs programs
    protected Binding binding
    protected ScriptSandbox sandbox

    @Before
    void setUp() {
        jenkins = new Jenkins()
        programs = jenkins.programs
        binding = new Binding(
            env: [JENKINS_URL: 'https://jenkins.example/ci/'], currentBuild: jenkins.build, any: 'any')
        helper.clearCallStack()
        registerSteps()
        if (helper instanceof SandboxedHelper) {
            sandbox = new ScriptSandbox(WHITELIST)
            sandbox.register()
        }
    }

    @After
    void tearDown() {
        sandbox?.unregister()
        jenkins.close()
    }

    protected void useTrusted() {
        sandbox?.unregister()
        sandbox = null
        helper = TRUSTED
        helper.clearCallStack()
        registerSteps()
    }

    protected Object callStep(Map parameters) {
        run { loadStep().invokeMethod('call', [parameters] as Object[]) }
    }

    protected Script loadStep() {
        helper.loadScript('vars/rerunTestExecutions.groovy', binding)
    }

    /** Runs pipeline code; what it throws arrives without the engine's wrappings. */
    protected static Object run(Closure code) {
        try {
            return code()
        } catch (InvocationTargetException wrapped) {
            Throwable cause = wrapped
            while (cause instanceof InvocationTargetException) {
                cause = cause.cause
            }
            throw cause
        }
    }

    /** Calls the step, which must fail, and returns the message. */
    protected String failure(Map parameters) {
        try {
            callStep(parameters)
        } catch (StepFailure expected) {
            return expected.message
        }
        throw new AssertionError('the step did not fail' as Object)
    }

    /** What the program was given beyond the agent's own environment. */
    protected Map<String, String> given() {
        List<Map> calls = programs.calls()
        assert calls.size() == 1
        Map all = calls[0].environment.findAll { name, value -> !(name in ['PWD', 'OLDPWD', 'SHLVL', '_']) }
        return (all - jenkins.agent).findAll { name, value -> !name.startsWith('RERUNNER_STEP_') }
    }

    private static PipelineTestHelper prepare(PipelineTestHelper helper) {
        helper.baseScriptRoot = PROJECT.path
        helper.scriptRoots = [PROJECT.path] as String[]
        helper.scriptExtension = 'groovy'
        helper.baseClassloader = StepTest.classLoader
        helper.imports += [NonCPS: 'com.cloudbees.groovy.cps.NonCPS']
        helper.init()
        return helper
    }

    private void registerSteps() {
        Closure body = { Closure closure -> helper.callClosure(closure) }
        helper.with {
            registerAllowedMethod('withEnv', [List, Closure]) { List list, Closure c -> jenkins.withEnv(list) { body(c) } }
            registerAllowedMethod('withCredentials', [List, Closure]) { List list, Closure c ->
                jenkins.withCredentials(list) { body(c) }
            }
            registerAllowedMethod('string', [Map]) { Map map -> map + [kind: 'string'] }
            registerAllowedMethod('usernamePassword', [Map]) { Map map -> map + [kind: 'usernamePassword'] }
            registerAllowedMethod('dir', [String, Closure]) { String path, Closure c -> jenkins.dir(path) { body(c) } }
            registerAllowedMethod('deleteDir', []) { jenkins.deleteDir() }
            registerAllowedMethod('fileExists', [String]) { String path -> jenkins.fileExists(path) }
            registerAllowedMethod('readFile', [Map]) { Map map -> jenkins.readFile(map) }
            registerAllowedMethod('isUnix', []) { jenkins.isUnix }
            registerAllowedMethod('sh', [Map]) { Map map -> jenkins.sh(map) }
            registerAllowedMethod('error', [String]) { String message -> jenkins.error(message) }
            registerAllowedMethod('echo', [String]) { String message -> jenkins.echo(message) }
            registerAllowedMethod('unstable', [String]) { String message -> jenkins.unstable(message) }
        }
    }
}
