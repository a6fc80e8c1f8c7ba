package step

import org.junit.Test
import org.junit.runner.RunWith
import org.junit.runners.Parameterized
import org.junit.runners.Parameterized.Parameter
import org.junit.runners.Parameterized.Parameters

@RunWith(Parameterized)
class WrongParametersTest extends StepTest {

    @Parameter(0) public String id
    @Parameter(1) public Map parameters
    @Parameter(2) public List<String> expected

    @Parameters(name = '{0}')
    static List<Object[]> cases() {
        [
            ['unknown', JENKINS + [limt: 5], ['limt: no such parameter; there are processor, testObserverUrl, ']],
            ['other spelling', JENKINS + [dry_run: true], ['dry_run: no such parameter']],
            ['a token itself', JENKINS + [jenkinsApiToken: 'hidden'], ['jenkinsApiToken: no such parameter']],
            ['unknown key that is no text', JENKINS + [(5): 5], ['5: no such parameter']],
            ['no Jenkins credential', [:], ['jenkinsCredentialsId: missing']],
            ['empty Jenkins credential', [jenkinsCredentialsId: ' '], ['jenkinsCredentialsId: missing']],
            ['no GitHub credential', JENKINS + [processor: 'github'],
                ['githubCredentialsId, githubAppCredentialsId: missing']],
            ['empty GitHub credentials', GITHUB + [githubCredentialsId: "${' '}", githubAppCredentialsId: ''],
                ['githubCredentialsId, githubAppCredentialsId: missing']],
            ['two GitHub credentials', GITHUB + [githubAppCredentialsId: 'gh-app'],
                ['githubCredentialsId, githubAppCredentialsId: only one']],
            ['two GitHub credentials beside another', JENKINS + [githubCredentialsId: 'a', githubAppCredentialsId: 'b'],
                ['githubCredentialsId, githubAppCredentialsId: only one']],
            ['processor', JENKINS + [processor: 'gitlab'],
                ['processor: gitlab is not allowed; allowed is jenkins or github']],
            ['processor as option', JENKINS + [processor: '-e'],
                ['processor: -e is not allowed; allowed is jenkins or github']],
            ['rerun', JENKINS + [rerun: 'all'], ['rerun: all is not allowed; allowed is run or failed-jobs or job']],
            ['parametersFrom', JENKINS + [parametersFrom: 'job'],
                ['parametersFrom: job is not allowed; allowed is family or build']],
            ['boolean', JENKINS + [dryRun: 'maybe'], ['dryRun: maybe is not allowed; allowed is true or false']],
            ['boolean as list', JENKINS + [check: [true]], ['check: [true] is not allowed; allowed is true or false']],
            ['text as number', JENKINS + [family: 5], ['family: 5 is not allowed; allowed is a text']],
            ['text as list', JENKINS + [family: ['snap', 'deb']], ['family: [snap, deb] is not allowed']],
            ['text with NUL', JENKINS + [environment: 'a\u0000b'], ['environment: a b is not allowed']],
            ['number as boolean', JENKINS + [limit: true], ['limit: true is not allowed; allowed is a whole number']],
            ['number as fraction', JENKINS + [limit: 2.5], ['limit: 2.5 is not allowed; allowed is a whole number']],
            ['list as map', JENKINS + [buildParameters: [A: 'b']],
                ['buildParameters: [A:b] is not allowed; allowed is a text, or a list of texts']],
            ['list with a number', JENKINS + [repo: ['a/b', 5]], ['repo: [a/b, 5] is not allowed']],
            ['list with a line break', JENKINS + [buildParameters: ['A=b\nC=d']],
                ['buildParameters: [A=b C=d] is not allowed']],
            ['image as option', JENKINS + [image: '-v/:/host'], ["image: -v/:/host is not allowed; allowed is an image's"]],
            ['image with blanks', JENKINS + [image: 'a b'], ['image: a b is not allowed']],
            ['command as option', JENKINS + [command: '-a'], ['command: -a is not allowed; allowed is the name or path']],
            ['image and command', JENKINS + [image: 'a:1', command: 'b'], ['image, command: only one']],
            ['several at once', [limt: 5, dryRun: 'maybe', image: ' -e', family: 1],
                ['limt: ', 'dryRun: ', 'image: ', 'family: ', 'jenkinsCredentialsId: ']],
        ].collect { it as Object[] }
    }

    @Test
    void 'wrong parameters end in one error that names each, and nothing is started'() {
        String message = failure(parameters)

        assert message.startsWith('rerunTestExecutions: ')
        expected.each { assert message.contains(it) }
        assert message.count('; ' + expected[0]) + (message.contains(': ' + expected[0]) ? 1 : 0) == 1
        assert !message.contains('hidden')
        assert message.readLines().size() == 1
        assert jenkins.shells == []
    }
}
