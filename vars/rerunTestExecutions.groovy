import groovy.json.JsonException
import groovy.json.JsonSlurper
import groovy.transform.Field

// Every parameter: what it takes, and the variable that carries it to the program. One that is not given is not set:
// the program's own defaults hold, and the agent's environment before them. The program checks the values.
@Field
final Map PARAMETERS = [
    // The CI system whose reruns are started.
    processor: [takes: ['jenkins', 'github']],
    // Test Observer's address, and the credential (secret text) with its key.
    testObserverUrl: [takes: 'text', variable: 'TEST_OBSERVER_URL'],
    testObserverCredentialsId: [takes: 'text'],
    // The controller served, if not this one; where links to it point too; and the credential (username and password)
    // with a user and API token.
    jenkinsUrl: [takes: 'text', variable: 'JENKINS_URL'],
    jenkinsPublicUrl: [takes: 'text', variable: 'JENKINS_PUBLIC_URL'],
    jenkinsCredentialsId: [takes: 'text'],
    // The credential with a GitHub token (secret text, or else a GitHub App), and the repositories served.
    githubCredentialsId: [takes: 'text'],
    githubAppCredentialsId: [takes: 'text'],
    repo: [takes: 'list', variable: 'RERUNNER_REPO'],
    // Which requests of the queue.
    family: [takes: 'text', variable: 'RERUNNER_FAMILY'],
    environment: [takes: 'text', variable: 'RERUNNER_ENVIRONMENT'],
    environmentArchitecture: [takes: 'text', variable: 'RERUNNER_ENVIRONMENT_ARCHITECTURE'],
    buildArchitecture: [takes: 'text', variable: 'RERUNNER_BUILD_ARCHITECTURE'],
    // Most reruns to start.
    limit: [takes: 'number', variable: 'RERUNNER_LIMIT'],
    // What a GitHub rerun repeats, and the most attempts of one run.
    rerun: [takes: ['run', 'failed-jobs', 'job'], variable: 'RERUNNER_RERUN'],
    maxAttempts: [takes: 'number', variable: 'RERUNNER_MAX_ATTEMPTS'],
    // Where the parameters of a Jenkins build come from.
    parametersFrom: [takes: ['family', 'build'], variable: 'RERUNNER_PARAMETERS_FROM'],
    // Most reruns of one target in 24 hours, and most that may wait in the CI system's queue.
    maxPerDay: [takes: 'number', variable: 'RERUNNER_MAX_PER_DAY'],
    maxQueued: [takes: 'number', variable: 'RERUNNER_MAX_QUEUED'],
    // Whether to leave archived artefacts alone, and what was decided or has passed; the least priority served.
    skipArchived: [takes: 'boolean', variable: 'RERUNNER_SKIP_ARCHIVED'],
    skipDecided: [takes: 'boolean', variable: 'RERUNNER_SKIP_DECIDED'],
    minPriority: [takes: 'number', variable: 'RERUNNER_MIN_PRIORITY'],
    // When a request leaves the queue.
    acknowledge: [takes: ['accepted', 'started'], variable: 'RERUNNER_ACKNOWLEDGE'],
    // Whether to tell the requester; the minutes after which nothing is started.
    announce: [takes: 'boolean', variable: 'RERUNNER_ANNOUNCE'],
    timeLimit: [takes: 'number', variable: 'RERUNNER_TIME_LIMIT'],
    // [FAMILY:]NAME=VALUE for the Jenkins builds.
    buildParameters: [takes: 'list', variable: 'RERUNNER_BUILD_PARAMETERS'],
    // A file of the workspace instead of Test Observer's queue.
    requests: [takes: 'text', variable: 'RERUNNER_REQUESTS'],
    // Whether to drop what can never be rerun; only to plan; only to check access.
    discardRefused: [takes: 'boolean', variable: 'RERUNNER_DISCARD_REFUSED'],
    dryRun: [takes: 'boolean', variable: 'RERUNNER_DRY_RUN'],
    check: [takes: 'boolean', variable: 'RERUNNER_CHECK'],
    // Parallel calls.
    concurrency: [takes: 'number', variable: 'RERUNNER_CONCURRENCY'],
    // Where the program is: an image for Docker, or else a command on the agent.
    image: [takes: 'image', variable: 'RERUNNER_STEP_IMAGE'],
    command: [takes: 'command', variable: 'RERUNNER_STEP_COMMAND'],
]

@Field
final Map ALLOWED = [
    text: 'a text without NUL characters',
    list: 'a text, or a list of texts of one line each',
    number: 'a whole number',
    boolean: 'true or false',
    image: "an image's name, such as test-executions-rerunner:latest",
    command: 'the name or path of a program, not beginning with a dash',
]

// The report's folder is for the agent alone. Where somebody else runs this, as root in a container of a Kubernetes
// pod, the agent could neither read the report nor delete the folder. A secret text that is empty is bound as no
// variable.
@Field
final String BEGIN = '''set +x
umask 077
if [ -n "${RERUNNER_STEP_NEEDS_KEY:-}" ] && [ -z "${TEST_OBSERVER_API_KEY:-}" ]; then
    echo 'testObserverCredentialsId: the secret text is empty, so that there is no key' >&2
    exit 2
fi
mkdir "$RERUNNER_STEP_FOLDER"
if ! [ -O . ]; then chmod 777 "$RERUNNER_STEP_FOLDER"; fi
'''

// An action's input would beat the variables set here, whatever left such a name on the agent.
@Field
final String RUN_COMMAND = BEGIN + '''
for name in $(env | sed -n 's/^\\(INPUT_[A-Z_]*\\)=.*/\\1/p'); do unset "$name"; done
exec "$RERUNNER_STEP_COMMAND" "$RERUNNER_STEP_PROCESSOR"
'''

// Variables go by name only, so no secret shows in a list of processes; one that is not set is not passed. The
// container sees the report's folder, and the workspace only to read the requests. A CA that is missing is not
// mounted, since Docker would make a folder of that name.
@Field
final String RUN_DOCKER = BEGIN + '''
set -- --rm --name "$RERUNNER_STEP_FOLDER" --read-only --user "$(id -u):$(id -g)" \\
    --volume "$PWD/$RERUNNER_STEP_FOLDER:$PWD/$RERUNNER_STEP_FOLDER:rw,z" --workdir "$PWD"
if [ -n "${RERUNNER_REQUESTS:-}" ]; then
    set -- "$@" --volume "$PWD:$PWD:ro,z"
fi
if [ -e "${REQUESTS_CA_BUNDLE:-}" ]; then
    set -- "$@" --volume "$REQUESTS_CA_BUNDLE:$REQUESTS_CA_BUNDLE:ro"
fi
for name in \\
    TEST_OBSERVER_URL TEST_OBSERVER_API_KEY JENKINS_URL JENKINS_PUBLIC_URL JENKINS_USERNAME JENKINS_API_TOKEN \\
    GH_TOKEN GITHUB_SERVER_URL GITHUB_API_URL RERUNNER_REPO RERUNNER_FAMILY RERUNNER_ENVIRONMENT \\
    RERUNNER_ENVIRONMENT_ARCHITECTURE RERUNNER_BUILD_ARCHITECTURE RERUNNER_LIMIT RERUNNER_RERUN \\
    RERUNNER_MAX_ATTEMPTS RERUNNER_PARAMETERS_FROM RERUNNER_MAX_PER_DAY RERUNNER_MAX_QUEUED \\
    RERUNNER_SKIP_ARCHIVED RERUNNER_SKIP_DECIDED RERUNNER_MIN_PRIORITY RERUNNER_ACKNOWLEDGE RERUNNER_ANNOUNCE \\
    RERUNNER_TIME_LIMIT RERUNNER_BUILD_PARAMETERS RERUNNER_REQUESTS RERUNNER_DISCARD_REFUSED RERUNNER_DRY_RUN \\
    RERUNNER_CHECK RERUNNER_CONCURRENCY RERUNNER_REPORT RERUNNER_STEP_PROCESSOR \\
    HTTPS_PROXY HTTP_PROXY NO_PROXY https_proxy http_proxy no_proxy REQUESTS_CA_BUNDLE
do
    set -- "$@" --env "$name"
done
exec docker run "$@" "$RERUNNER_STEP_IMAGE" "$RERUNNER_STEP_PROCESSOR"
'''

// An aborted build ends the Docker client, not always the container. The program gets its ten seconds to finish.
@Field
final String STOP_DOCKER = '''set +x
docker stop -t 10 "$RERUNNER_STEP_FOLDER" > /dev/null 2>&1 || :
'''

/**
 * Starts the reruns that were asked for in Test Observer; rerunTestExecutions.txt explains the parameters.
 *
 * @return the program's report: version, counts, remaining, requests, checks and more
 */
Map call(Map config = [:]) {
    String controllerUrl = env.JENKINS_URL
    List problems = problemsWith(config, controllerUrl)
    if (problems) {
        error('rerunTestExecutions: ' + problems.join('; '))
    }
    if (!isUnix()) {
        error('rerunTestExecutions: this agent runs Windows, where the program cannot run; allowed is an agent on ' +
            'Linux or another Unix')
    }
    Map given = givenIn(config)
    String folder = "rerunTestExecutions-${UUID.randomUUID()}"
    int code = -1
    try {
        code = drain(given, environmentOf(given, controllerUrl, folder))
        return conclude(processorOf(given), code, reportOf(folder))
    } finally {
        if (code < 0) {
            // A build that is aborted has no exit code, and what aborts it passes through here.
            Map report = reportOf(folder).report
            describe(processorOf(given), report, exitCodeIn(report))
        }
        dir(folder) {
            deleteDir()
        }
    }
}

/** Runs the program to its end with the credentials bound, and returns its exit code. */
int drain(Map given, List environment) {
    List credentials = credentialOf(given)
    if (given.testObserverCredentialsId) {
        credentials += [string(credentialsId: given.testObserverCredentialsId, variable: 'TEST_OBSERVER_API_KEY')]
    }
    int code = -1
    withEnv(environment) {
        withCredentials(credentials) {
            code = given.image ? runDocker()
                : sh(label: 'Rerun test executions', script: RUN_COMMAND, returnStatus: true)
        }
    }
    return code
}

/** Returns the binding of the CI system's own credential. */
List credentialOf(Map given) {
    if (processorOf(given) == 'jenkins') {
        return [usernamePassword(credentialsId: given.jenkinsCredentialsId,
            usernameVariable: 'JENKINS_USERNAME', passwordVariable: 'JENKINS_API_TOKEN')]
    }
    // A GitHub App is bound as a user whose password is a token that Jenkins has GitHub make for this build.
    return given.githubAppCredentialsId ?
        [usernamePassword(credentialsId: given.githubAppCredentialsId,
            usernameVariable: 'RERUNNER_STEP_GITHUB_APP', passwordVariable: 'GH_TOKEN')] :
        [string(credentialsId: given.githubCredentialsId, variable: 'GH_TOKEN')]
}

/** Runs the image, and leaves no container behind however that ends. */
int runDocker() {
    int code = -1
    try {
        code = sh(label: 'Rerun test executions', script: RUN_DOCKER, returnStatus: true)
    } finally {
        if (code < 0) {
            sh(label: 'Stop the container', script: STOP_DOCKER)
        }
    }
    return code
}

/** Reads the report, which [report: Map] has; [problem: String] says why there is none. */
Map reportOf(String folder) {
    String path = folder + '/report.json'
    return reportIn(fileExists(path) ? readFile(file: path, encoding: 'UTF-8') : '')
}

/** Says in the build's description what was done; a step that is tried again says the same only once. */
void describe(String processor, Map report, int code) {
    if (report) {
        String own = "${processor}: ${summaryOf(report, code)}"
        currentBuild.description = described(currentBuild.description, own)
    }
}

/** Turns the exit code and the report into the build's description and result. */
Map conclude(String processor, int code, Map found) {
    Map report = found.report
    describe(processor, report, code)
    if (code < 0 || code > 1) {
        error("rerunTestExecutions: ${reasonOf(report, code)} (exit code ${code})")
    }
    if (!report) {
        error("rerunTestExecutions: the program ended with exit code ${code}, but ${found.problem}; " +
            'what it did stands above in the log')
    }
    if (code == 1) {
        unstable("rerunTestExecutions: ${summaryOf(report, code)}${report.error ? ': ' + printable(report.error) : ''}")
    }
    return report
}

/** Lists everything that is wrong with the parameters, each with what is allowed. */
@NonCPS
List problemsWith(Map config, String controllerUrl) {
    List problems = []
    Map given = givenIn(config)
    config.each { key, value ->
        Map parameter = PARAMETERS[key as String]
        if (!parameter) {
            problems << "${key}: no such parameter; there are ${PARAMETERS.keySet().join(', ')}".toString()
        } else if (isGiven(value) && !fits(value, parameter.takes)) {
            Object takes = parameter.takes
            String allowed = takes instanceof List ? takes.join(' or ') : ALLOWED[takes]
            problems << "${key}: ${printable(value)} is not allowed; allowed is ${allowed}".toString()
        }
    }
    String processor = processorOf(given)
    if (processor == 'jenkins' && !given.jenkinsCredentialsId) {
        problems << 'jenkinsCredentialsId: missing; it names the credential (username and password) with the user ' +
            'and the API token that start the builds'
    }
    if (processor == 'jenkins' && !given.jenkinsUrl && !isGiven(controllerUrl)) {
        problems << 'jenkinsUrl: missing, and this controller does not know its own address; give jenkinsUrl, or set ' +
            'Jenkins URL in Manage Jenkins, System'
    }
    if (processor == 'github' && !given.githubCredentialsId && !given.githubAppCredentialsId) {
        problems << 'githubCredentialsId, githubAppCredentialsId: missing; one of them names the credential with the ' +
            'GitHub token, the former a secret text, the latter a GitHub App'
    }
    if (given.githubCredentialsId && given.githubAppCredentialsId) {
        problems << 'githubCredentialsId, githubAppCredentialsId: only one of them is allowed'
    }
    if (given.image && given.command) {
        problems << 'image, command: only one of them is allowed'
    }
    return problems
}

/** Says whether a value has the form that its parameter takes. */
@NonCPS
boolean fits(Object value, Object takes) {
    if (takes instanceof List) {
        return value instanceof CharSequence && value.toString() in takes
    }
    boolean isText = value instanceof CharSequence && !value.toString().contains('\u0000')
    switch (takes) {
        case 'list':
            return isText || value instanceof List && value.every { fits(it, 'text') && !(it =~ /[\r\n]/).find() }
        case 'number':
            return isText || value instanceof Integer || value instanceof Long
        case 'boolean':
            return value.toString().toLowerCase() in ['true', 'false', 'yes', 'no', '1', '0']
        case 'image':
            return isText && value.toString().matches('[A-Za-z0-9][A-Za-z0-9._/:@-]*')
        case 'command':
            return isText && !value.toString().startsWith('-')
        default:
            return isText
    }
}

/** Returns the program's environment, as withEnv takes it. */
@NonCPS
List environmentOf(Map given, String controllerUrl, String folder) {
    Map values = [
        JENKINS_URL: controllerUrl,
        RERUNNER_STEP_COMMAND: 'test-executions-rerunner',
    ]
    given.each { key, value ->
        String variable = PARAMETERS[key].variable
        if (variable) {
            values[variable] = value instanceof List ? value.join('\n') : value
        }
    }
    values += [
        RERUNNER_REPORT: folder + '/report.json',
        RERUNNER_STEP_FOLDER: folder,
        RERUNNER_STEP_PROCESSOR: processorOf(given),
        RERUNNER_STEP_NEEDS_KEY: given.testObserverCredentialsId ? 'yes' : null,
    ]
    return values.findAll { isGiven(it.value) }.collect { "${it.key}=${it.value}".toString() }
}

/** Returns [report: Map] of plain, serialisable values, or [problem: String]. */
@NonCPS
Map reportIn(String text) {
    if (!text) {
        return [problem: 'left no report']
    }
    Object report = null
    try {
        report = plain(new JsonSlurper().parseText(text))
    } catch (JsonException | IllegalArgumentException ignored) {
        report = null
    }
    if (report instanceof Map && report.version != null && !(report.version in [1, 2, 3])) {
        return [problem: 'left a report of another version: let the image or command and this library fit together']
    }
    // The parser takes an object that was cut short, so look for what must be there, down to the end.
    boolean isWhole = report instanceof Map && report.version != null && report.counts instanceof Map &&
        report.requests instanceof List && report.checks instanceof List && text.trim().endsWith('}')
    return isWhole ? [report: report] : [problem: 'left a broken report']
}

/** Copies what the parser made, whose lazy maps cannot be serialised. */
@NonCPS
Object plain(Object value) {
    if (value instanceof Map) {
        return value.collectEntries { key, inner -> [(key): plain(inner)] }
    }
    return value instanceof List ? value.collect { plain(it) } : value
}

/** Returns how the program says that it ends. */
@NonCPS
int exitCodeIn(Map report) {
    return report?.exit_code instanceof Integer ? report.exit_code : -1
}

/** Adds what was done to a description, unless it is there already. */
@NonCPS
String described(String others, String own) {
    if (!others) {
        return own
    }
    return "; ${others}; ".toString().contains("; ${own}; ".toString()) ? others : others + '; ' + own
}

/** Says what was done in counts and names: a description may be shown as HTML, and reasons come from strangers. */
@NonCPS
String summaryOf(Map report, int code) {
    List parts = code > 1 ? ["stopped with exit code ${code}"] : []
    if (report.checks) {
        int failures = report.checks.count { it.ok == false }
        parts << (failures ? "${failures} of ${report.checks.size()} checks failed" : 'access checked')
    }
    List outcomes = ['triggered', 'already-rerun', 'planned', 'deferred', 'unsupported', 'refused', 'failed', 'unknown']
    outcomes.each { outcome ->
        if (report.counts[outcome] instanceof Integer && report.counts[outcome] > 0) {
            String words = outcome == 'unsupported' ? 'for others' : outcome.replace('-', ' ')
            parts << "${report.counts[outcome]} ${words}"
        }
    }
    if (report.remaining instanceof Integer && report.remaining > 0) {
        parts << "${report.remaining} left in the queue"
    }
    List names = failedIn(report)
    String failed = names ? ' (look at ' + names.join(', ') + ')' : ''
    return (report.dry_run == true ? 'dry run, ' : '') + (parts.join(', ') ?: 'nothing to rerun') + failed
}

/** Names what failed, three at most, in letters that mean nothing to HTML. */
@NonCPS
List failedIn(Map report) {
    List names = []
    report.requests.each { request ->
        if (request instanceof Map && request.outcome in ['refused', 'failed', 'unknown']) {
            String target = request.target ?: "request ${request.test_execution_id}"
            String name = request.environment ? "${request.environment} ${target}" : target
            String safe = name.replaceAll('[^A-Za-z0-9 ._,/:+-]', '?').replaceAll('^(.{80}).+', '$1...')
            if (!(safe in names)) {
                names << safe
            }
        }
    }
    List named = []
    names.each { name ->
        if (named.size() < 3) {
            named << name
        }
    }
    return names.size() > named.size() ? named + ['and more'] : named
}

/** Says why the program ended as it did. */
@NonCPS
String reasonOf(Map report, int code) {
    Map reasons = [
        2: 'a setting is wrong or a credential is missing, see above',
        3: 'Test Observer could not be used, see above',
        70: 'a bug of the program, see above',
        125: 'Docker could not start the container, see above; is the image there, and may the agent use Docker?',
        126: 'the program may not be executed on this agent',
        127: 'the program was not found on this agent: install test-executions-rerunner there, name it with ' +
            'command, or install Docker and give image',
        130: 'interrupted',
        137: 'killed',
        143: 'interrupted',
    ]
    return report?.error ? printable(report.error) : reasons[code] ?: 'the program ended unexpectedly, see above'
}

@NonCPS
String processorOf(Map given) {
    return given.processor ? given.processor.toString() : 'jenkins'
}

/** Leaves out what is blank, which is not set, as everywhere in the program. */
@NonCPS
Map givenIn(Map config) {
    return config.findAll { key, value -> isGiven(value) }.collectEntries { key, value -> [(key as String): value] }
}

@NonCPS
boolean isGiven(Object value) {
    return value != null && value.toString().trim() && value != []
}

@NonCPS
String printable(Object value) {
    return value.toString().replaceAll('\\p{Cntrl}', ' ')
}
