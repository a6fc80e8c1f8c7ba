package step

import com.lesfurets.jenkins.unit.global.lib.LibraryConfiguration
import com.lesfurets.jenkins.unit.global.lib.LocalSource
import java.nio.file.Files
import org.junit.Before
import org.junit.Test

/** Whole Jenkinsfiles, with the step coming from the library as Jenkins loads it. */
class PipelinesTest extends StepTest {

    public static final String MARK = '<!-- test: step -->'

    private final List<String> ran = []

    @Before
    void provideLibrary() {
        File libraries = new File(jenkins.root, 'libraries')
        File vars = new File(libraries, 'test-executions-rerunner@main/vars')
        vars.mkdirs()
        new File(PROJECT, 'vars').eachFile { file -> Files.copy(file.toPath(), new File(vars, file.name).toPath()) }
        helper.registerSharedLibrary(LibraryConfiguration.library().name('test-executions-rerunner')
            .retriever(LocalSource.localSource(libraries.path)).targetPath(libraries.path)
            .defaultVersion('main').allowOverride(true).implicit(false).build())
        jenkins.credentials['test-observer-key'] = Jenkins.KEY
        jenkins.credentials['jenkins-reruns'] = [username: 'reruns', password: Jenkins.TOKEN]
        jenkins.credentials['github-reruns'] = Jenkins.GITHUB
        registerPipeline()
    }

    @Test
    void 'a declarative pipeline gets the step from the library'() {
        programs.endWith(1, [counts: [failed: 1]])

        runPipeline('''
            @Library('test-executions-rerunner@main') _
            pipeline {
                agent any
                triggers { cron('H/15 * * * *') }
                options { disableConcurrentBuilds() }
                stages {
                    stage('Rerun') {
                        steps { rerunTestExecutions(jenkinsCredentialsId: 'jenkins-reruns', family: 'snap', limit: 20) }
                    }
                }
            }'''.stripIndent())

        assert ran == ['agent any', 'cron H/15 * * * *', 'disableConcurrentBuilds', 'stage Rerun']
        assert given().RERUNNER_LIMIT == '20'
        assert jenkins.build == [result: 'UNSTABLE', description: 'jenkins: 1 failed']
    }

    @Test
    void 'a scripted pipeline goes on with the report'() {
        programs.endWith(0, [counts: [triggered: 2, deferred: 1], remaining: 1])

        runPipeline('''
            @Library('test-executions-rerunner@main') _
            node('linux') {
                def report = rerunTestExecutions processor: 'github', githubCredentialsId: 'github-reruns'
                echo "${report.counts.deferred} of ${report.counts.triggered} deferred"
            }'''.stripIndent())

        assert ran == ['node linux']
        assert jenkins.log.contains('1 of 2 deferred')
    }

    @Test
    void 'the pipelines of the documents run as they stand'() {
        List<String> blocks = pastedBlocks()
        assert blocks.any { it.contains('pipeline {') }: "no declarative Jenkinsfile after ${MARK}"
        assert blocks.any { it.contains('node(') }: "no scripted Jenkinsfile after ${MARK}"

        blocks.each { block ->
            int before = programs.calls().size()
            runPipeline(block)
            assert programs.calls().size() > before: block
        }
        assert 'cron H/15 * * * *' in ran
        assert 'disableConcurrentBuilds' in ran
    }

    private static List<String> pastedBlocks() {
        File readme = new File(System.getProperty('readme'))
        List<File> pages = [readme] + (new File(readme.parentFile, 'docs').listFiles() as List).findAll { it.name.endsWith('.md') }
        return pages*.getText('UTF-8').join('\n').findAll(/(?s)\Q${MARK}\E\s*```groovy\n(.*?)\n```/) { whole, block -> block }
    }

    private void runPipeline(String text) {
        File file = File.createTempFile('Jenkinsfile', '.groovy', jenkins.root)
        file.text = text
        run { helper.runScript(file.path, binding) }
    }

    /** The blocks of a Jenkinsfile: each runs its body, and what stands beside it is noted. */
    private void registerPipeline() {
        Closure note = { String what -> ran << what.toString(); what }
        ['pipeline', 'options', 'triggers', 'stages', 'steps', 'script', 'environment'].each { name ->
            helper.registerAllowedMethod(name, [Closure]) { Closure body -> helper.callClosure(body) }
        }
        helper.registerAllowedMethod('agent', [Object]) { Object what ->
            what instanceof Closure ? helper.callClosure(what) : note("agent ${what}")
        }
        helper.registerAllowedMethod('label', [String]) { String name -> note("label ${name}") }
        helper.registerAllowedMethod('cron', [String]) { String when -> note("cron ${when}") }
        helper.registerAllowedMethod('disableConcurrentBuilds', []) { note('disableConcurrentBuilds') }
        helper.registerAllowedMethod('pipelineTriggers', [List]) { List all -> all }
        helper.registerAllowedMethod('properties', [List]) { List all -> }
        ['stage', 'node'].each { name ->
            helper.registerAllowedMethod(name, [String, Closure]) { String label, Closure body ->
                note("${name} ${label}")
                helper.callClosure(body)
            }
        }
    }
}
