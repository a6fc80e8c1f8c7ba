package step

import groovy.json.JsonOutput
import java.util.concurrent.TimeUnit

/** The agent's programs: a docker and a test-executions-rerunner that record how they were called. */
class Programs {

    public static final Map COUNTS = [triggered: 0, 'already-rerun': 0, planned: 0, deferred: 0, unsupported: 0, refused: 0,
        failed: 0, unknown: 0]

    final File folder
    private final File record

    Programs(File folder) {
        this.folder = folder
        record = new File(folder.parentFile, 'record')
        [folder, record]*.mkdirs()
        ['docker', 'test-executions-rerunner'].each { install(it) }
        endWith(0)
    }

    /** Puts a program on the agent's path, whose name may be a path of its own. */
    void install(String name) {
        File program = name.startsWith('/') ? new File(name) : new File(folder, name)
        program.parentFile.mkdirs()
        program.text = """#!/bin/sh
            record='${record}'
            call=\$(mktemp -d "\$record/call-XXXXXX")
            printf '%s\\0' "\${0##*/}" "\$@" > "\$call/arguments"
            env -0 > "\$call/environment"
            pwd > "\$call/folder"
            stat -c %a "\$RERUNNER_STEP_FOLDER" > "\$call/mode"
            if [ -e "\$record/late" ]; then cat "\$record/report" > "\$RERUNNER_REPORT"; fi
            touch "\$call/done"
            case "\$1" in stop) exit 0 ;; esac
            if [ -e "\$record/leak" ]; then echo "token: \$JENKINS_API_TOKEN" >&2; fi
            if [ -e "\$record/hang" ]; then exec sleep 60; fi
            if [ -e "\$record/report" ]; then cat "\$record/report" > "\$RERUNNER_REPORT"; fi
            exit "\$(cat "\$record/code")"
            """.stripIndent()
        program.executable = true
    }

    void remove(String name) {
        new File(folder, name).delete()
    }

    /** Lets the programs end with this exit code and this report: a map with fields to change, a text, or none. */
    void endWith(int code, Object report = [:]) {
        new File(record, 'code').text = code
        File file = new File(record, 'report')
        file.delete()
        if (report instanceof Map) {
            Map whole = [version: 1, processor: 'jenkins', dry_run: false, exit_code: code, error: null,
                counts: COUNTS, remaining: 0, requests: [], checks: []] + report
            whole.counts = COUNTS + whole.counts
            file.setText(JsonOutput.toJson(whole), 'UTF-8')
        } else if (report != null) {
            file.setText(report as String, 'UTF-8')
        }
    }

    /** Lets the programs run until they are stopped. */
    void hang() {
        new File(record, 'hang').createNewFile()
    }

    /** Lets the programs write their report, and run until they are stopped. */
    void hangAfterReport() {
        new File(record, 'late').createNewFile()
        hang()
    }

    /** Lets the programs print the token that they were given. */
    void leak() {
        new File(record, 'leak').createNewFile()
    }

    void awaitStart() {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20)
        while (!calls()) {
            assert System.nanoTime() < end: 'the program did not start'
            Thread.sleep(10)
        }
    }

    /** Every call so far: its arguments with the program's name first, its environment and its folder. */
    List<Map> calls() {
        record.listFiles().findAll { new File(it, 'done').exists() }.sort { it.lastModified() }.collect { File call ->
            [arguments: split(call, 'arguments'),
             environment: split(call, 'environment').collectEntries { it.split('=', 2).toList() },
             folder: new File(call, 'folder').text.trim(),
             mode: new File(call, 'mode').text.trim()]
        }
    }

    private static List<String> split(File call, String name) {
        List<String> parts = new File(call, name).getText('UTF-8').split('\0', -1).toList()
        return parts.init()
    }
}
