package step

import java.nio.file.Files

/**
 * One agent of a Jenkins controller, with a build on it: what the steps of a pipeline see and change.
 *
 * Shell scripts really run, as Jenkins runs them, with the agent's environment and what the enclosing blocks bound.
 */
class Jenkins {

    public static final String TOKEN = 'jenkins-api-t0ken'
    public static final String KEY = 'test-observer-k3y'
    public static final String GITHUB = 'github-t0ken'
    public static final String GITHUB_APP = 'github-app-t0ken'

    final File root = Files.createTempDirectory('step').toFile()
    final File workspace = new File(root, 'workspace/drain reruns, hourly')
    final Programs programs = new Programs(new File(root, 'bin'))
    /** The agent's own environment. */
    final Map<String, String> agent = [HOME: root.path, LANG: 'C.UTF-8']
    final Map<String, Object> credentials = [
        rerunner: [username: 'reruns', password: TOKEN], 'to-key': KEY, 'gh-token': GITHUB,
        'gh-app': [username: '12345', password: GITHUB_APP]]
    final List<Map> shells = []
    final StringBuilder log = new StringBuilder()
    Map build = [result: 'SUCCESS', description: null]
    /** What the step of this name says: false on Windows. */
    boolean isUnix = true
    /** Aborts the build as soon as the program has started. */
    boolean isAborted

    private final List<Map<String, String>> blocks = []
    private final List<String> masked = []
    private File folder

    Jenkins() {
        workspace.mkdirs()
        folder = workspace
        agent.PATH = "${programs.folder}:/usr/bin:/bin".toString()
    }

    void close() {
        Folders.delete(root)
    }

    /** Sets variables for a block; an empty value takes a variable away, nothing in a value is expanded. */
    Object withEnv(List overrides, Closure body) {
        inBlock(overrides.collectEntries { override ->
            String text = override
            int end = text.indexOf('=')
            if (end < 0) {
                throw new IllegalArgumentException(text)
            }
            [(text.substring(0, end)): text.substring(end + 1) ?: null]
        }, body)
    }

    Object withCredentials(List bindings, Closure body) {
        Map variables = [:]
        bindings.each { Map binding ->
            Object secret = credentials[binding.credentialsId as String]
            if (secret == null) {
                throw new StepFailure("Could not find credentials entry with ID '${binding.credentialsId}'")
            }
            if ((secret instanceof Map) != (binding.kind == 'usernamePassword')) {
                throw new StepFailure("Credentials '${binding.credentialsId}' is of another type")
            }
            if (secret instanceof Map) {
                variables += [(binding.usernameVariable): secret.username, (binding.passwordVariable): secret.password]
            } else {
                variables += [(binding.variable): secret]
            }
        }
        masked.addAll(variables.values().findAll())
        // a variable with nothing in it is none
        inBlock(variables.collectEntries { name, value -> [(name): value ?: null] }, body)
    }

    Object dir(String path, Closure body) {
        File outer = folder
        folder = resolve(path)
        try {
            return body()
        } finally {
            folder = outer
        }
    }

    void deleteDir() {
        Folders.delete(folder)
    }

    boolean fileExists(String path) {
        resolve(path).exists()
    }

    String readFile(Map arguments) {
        requireOnly(arguments, ['file', 'encoding'])
        resolve(arguments.file).getText(arguments.encoding)
    }

    /** Runs a script by `sh -xe`, as the step does for one without a line of its own that names an interpreter. */
    Object sh(Map arguments) {
        requireOnly(arguments, ['script', 'label', 'returnStatus', 'returnStdout', 'encoding'])
        File script = File.createTempFile('script', '.sh', root)
        script.text = arguments.script
        folder.mkdirs()
        ProcessBuilder builder = new ProcessBuilder('sh', '-xe', script.path).directory(folder).redirectErrorStream(true)
        File printed = new File(script.path + '.log')
        builder.redirectInput(new File('/dev/null')).redirectOutput(printed)
        builder.environment().clear()
        builder.environment().putAll(environment())
        Process process = builder.start()
        boolean aborts = isAborted && arguments.script.contains('exec')
        if (aborts) {
            programs.awaitStart()
            process.destroy()
        }
        int status = process.waitFor()
        String output = printed.getText('UTF-8')
        shells << arguments + [status: status, output: output, environment: environment()]
        log << masked.inject(output) { text, secret -> text.replace(secret, '****') }
        if (aborts) {
            build.result = 'ABORTED'
            throw new InterruptedException('aborted')
        }
        if (!arguments.returnStatus && status != 0) {
            throw new StepFailure("script returned exit code ${status}")
        }
        return arguments.returnStatus ? status : null
    }

    void error(String message) {
        throw new StepFailure(message)
    }

    void echo(String message) {
        log << message + '\n'
    }

    void unstable(String message) {
        log << "WARNING: ${message}\n"
        build.result = 'UNSTABLE'
    }

    Map<String, String> environment() {
        Map<String, String> all = new TreeMap<>(agent)
        blocks.each { block ->
            block.each { name, value -> value == null ? all.remove(name) : all.put(name, value) }
        }
        return all
    }

    private Object inBlock(Map variables, Closure body) {
        blocks << variables
        try {
            return body()
        } finally {
            blocks.remove(blocks.size() - 1)
        }
    }

    private File resolve(Object path) {
        folder.toPath().resolve(path.toString()).toFile()
    }

    /** A step refuses a parameter that it does not have. */
    private static void requireOnly(Map arguments, List<String> known) {
        Set unknown = arguments.keySet() - known
        if (unknown) {
            throw new IllegalArgumentException("Unknown parameter(s) found: ${unknown}")
        }
    }
}
