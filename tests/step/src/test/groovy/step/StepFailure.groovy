package step

/** What the steps error and sh throw: Jenkins fails the build with the message, without a stack trace. */
class StepFailure extends Exception {

    StepFailure(String message) {
        super(message)
    }
}
