package step

import com.cloudbees.groovy.cps.Continuation
import com.cloudbees.groovy.cps.CpsTransformer
import com.cloudbees.groovy.cps.Env
import com.cloudbees.groovy.cps.Envs
import com.cloudbees.groovy.cps.Next
import com.cloudbees.groovy.cps.SandboxCpsTransformer
import com.cloudbees.groovy.cps.TransformerConfiguration
import com.cloudbees.groovy.cps.impl.CpsCallableInvocation
import com.cloudbees.groovy.cps.sandbox.SandboxInvoker
import com.lesfurets.jenkins.unit.cps.MockClosure
import com.lesfurets.jenkins.unit.cps.PipelineTestHelperCPS

/** The CPS helper, with every call of the script going through the script sandbox as well. */
class SandboxedHelper extends PipelineTestHelperCPS {

    @Override
    SandboxedHelper init() {
        super.init()
        gse.config.compilationCustomizers.removeAll { it instanceof CpsTransformer }
        gse.config.addCompilationCustomizers(new SandboxCpsTransformer(
            configuration: new TransformerConfiguration().withClosureType(MockClosure)))
        return this
    }

    @Override
    protected Object callMethod(MetaMethod method, Object delegate, Object... arguments) {
        try {
            return method.doMethodInvoke(delegate, arguments)
        } catch (CpsCallableInvocation invocation) {
            return finish(invocation)
        }
    }

    @Override
    protected Object runScriptInternal(Script script) {
        try {
            return script.run()
        } catch (CpsCallableInvocation invocation) {
            return finish(invocation)
        }
    }

    @Override
    Object callClosure(Closure closure, Object... arguments) {
        try {
            return arguments ? closure.call(*arguments) : closure.call()
        } catch (CpsCallableInvocation invocation) {
            Next next = invocation.invoke(sandboxed(), null, Continuation.HALT)
            while (next.yield == null) {
                roundtripSerialization(next.e)
                next = next.step()
            }
            return next.yield.replay()
        }
    }

    private static Object finish(CpsCallableInvocation invocation) {
        invocation.invoke(sandboxed(), null, Continuation.HALT).run().yield.replay()
    }

    private static Env sandboxed() {
        Envs.empty(new SandboxInvoker())
    }
}
