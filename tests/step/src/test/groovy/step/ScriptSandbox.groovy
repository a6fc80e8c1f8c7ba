package step

import org.codehaus.groovy.runtime.GStringImpl
import org.codehaus.groovy.runtime.ScriptBytecodeAdapter
import org.kohsuke.groovy.sandbox.GroovyInterceptor

/** Refuses what Jenkins' script sandbox refuses without an administrator's approval. */
class ScriptSandbox extends GroovyInterceptor {

    private static final Map<String, Class> PRIMITIVES = [
        boolean: boolean, byte: byte, char: char, short: short, int: int, long: long, float: float, double: double]
    private static final Map<Class, Class> BOXES = [
        (boolean): Boolean, (byte): Byte, (char): Character, (short): Short, (int): Integer, (long): Long,
        (float): Float, (double): Double]

    final List<String> refused = []
    /** Names of the methods that were looked at. */
    final Set<String> seen = []
    private final Map<String, List<List<String>>> entries

    ScriptSandbox(File whitelist) {
        entries = whitelist.readLines()*.trim().findAll { it && !it.startsWith('#') }*.tokenize(' ').groupBy { it[0] }
    }

    /** Beyond the list a script may call its own methods and steps, and its closures. */
    @Override
    Object onMethodCall(GroovyInterceptor.Invoker invoker, Object receiver, String method, Object... arguments) {
        seen << method
        boolean own = receiver instanceof Script || receiver instanceof Closure && method in ['call', 'doCall']
        if (!own && !allowsMethod(receiver, method, arguments)) {
            refuse("method ${receiver.getClass().name} ${method}", arguments)
        }
        return invoker.call(receiver, method, arguments)
    }

    @Override
    Object onStaticCall(GroovyInterceptor.Invoker invoker, Class receiver, String method, Object... arguments) {
        seen << method
        boolean known = entries.staticMethod.any { it[1] == receiver.name && it[2] == method && fit(it.drop(3), arguments) }
        if (!known && !Script.isAssignableFrom(receiver) && !isPlainCast(receiver, arguments)) {
            refuse("staticMethod ${receiver.name} ${method}", arguments)
        }
        return invoker.call(receiver, method, arguments)
    }

    @Override
    Object onNewInstance(GroovyInterceptor.Invoker invoker, Class receiver, Object... arguments) {
        boolean own = Script.isAssignableFrom(receiver) || receiver == GStringImpl
        if (!own && !entries.new.any { it[1] == receiver.name && fit(it.drop(2), arguments) }) {
            refuse("new ${receiver.name}", arguments)
        }
        return invoker.call(receiver, null, arguments)
    }

    @Override
    Object onGetProperty(GroovyInterceptor.Invoker invoker, Object receiver, String property) {
        List<String> getters = ["get${property.capitalize()}", "is${property.capitalize()}"]
        if (!isOwn(receiver) && !getters.any { allowsMethod(receiver, it) }) {
            refuse("property ${receiver.getClass().name} ${property}")
        }
        return invoker.call(receiver, property)
    }

    @Override
    Object onSetProperty(GroovyInterceptor.Invoker invoker, Object receiver, String property, Object value) {
        if (!isOwn(receiver)) {
            refuse("property ${receiver.getClass().name} ${property}")
        }
        return invoker.call(receiver, property, value)
    }

    /**
     * A cast to a text, to an array (as the engine makes the parts of "${}") or to what the value already is makes no
     * call of its own; any other one may run code of the value's class.
     */
    private static boolean isPlainCast(Class receiver, Object[] arguments) {
        if (receiver != ScriptBytecodeAdapter || arguments.size() != 2 || !(arguments[1] instanceof Class)) {
            return false
        }
        Class target = BOXES[arguments[1]] ?: arguments[1]
        return arguments[0] == null || target.isInstance(arguments[0]) || target == String || target.isArray()
    }

    /** Maps are read and written as by their methods get and put, which the list has. */
    private static boolean isOwn(Object receiver) {
        receiver instanceof Script || receiver instanceof Map
    }

    private boolean allowsMethod(Object receiver, String method, Object... arguments) {
        boolean own = entries.method.any {
            it[2] == method && find(it[1])?.isInstance(receiver) && fit(it.drop(3), arguments)
        }
        return own || entries.staticMethod.any {
            it[2] == method && it[1].startsWith('org.codehaus.groovy.runtime.') &&
                fit(it.drop(3), [receiver, *arguments] as Object[])
        }
    }

    private static boolean fit(List<String> types, Object[] arguments) {
        types.size() == arguments.size() && [types, arguments.toList()].transpose().every { String type, Object argument ->
            Class expected = find(type)
            expected != null && (argument == null || (BOXES[expected] ?: expected).isInstance(argument))
        }
    }

    private static Class find(String name) {
        if (name.endsWith('[]')) {
            Class element = find(name[0..-3])
            return element ? java.lang.reflect.Array.newInstance(element, 0).getClass() : null
        }
        try {
            return PRIMITIVES[name] ?: Class.forName(name)
        } catch (ClassNotFoundException ignored) {
            return null
        }
    }

    private void refuse(String what, Object... arguments) {
        String signature = "${what} ${arguments.collect { it instanceof Class ? it : it?.getClass()?.name }.join(' ')}".trim()
        refused << signature
        throw new SecurityException("Scripts not permitted to use ${signature}")
    }
}
