package org.jenkinsml.harness;

import java.util.function.Supplier;
import org.jenkinsci.plugins.scriptsecurity.sandbox.RejectedAccessException;
import org.kohsuke.groovy.sandbox.GroovyInterceptor;

/** Lets a script do only what the whitelist allows, on the thread that made it. */
final class Sandbox extends GroovyInterceptor implements AutoCloseable {

    private final Whitelist whitelist;
    private final Build build;

    Sandbox(Build build) {
        this.build = build;
        this.whitelist = new Whitelist(build.loader()::loaded);
        register();
    }

    @Override
    public void close() {
        unregister();
    }

    @Override
    public Object onMethodCall(Invoker invoker, Object receiver, String method, Object... arguments) throws Throwable {
        build.stopIfExpired();
        check(whitelist.permitsMethod(receiver, method, arguments),
                () -> Signatures.method(receiver, method, arguments));
        return super.onMethodCall(invoker, receiver, method, arguments);
    }

    @Override
    @SuppressWarnings("rawtypes")
    public Object onStaticCall(Invoker invoker, Class type, String method, Object... arguments) throws Throwable {
        check(whitelist.permitsStatic(type, method), () -> Signatures.staticMethod(type, method, arguments));
        return super.onStaticCall(invoker, type, method, arguments);
    }

    @Override
    @SuppressWarnings("rawtypes")
    public Object onNewInstance(Invoker invoker, Class type, Object... arguments) throws Throwable {
        check(whitelist.permitsNew(type, arguments), () -> Signatures.constructor(type, arguments));
        return super.onNewInstance(invoker, type, arguments);
    }

    @Override
    public Object onGetProperty(Invoker invoker, Object receiver, String property) throws Throwable {
        check(whitelist.permitsProperty(receiver, property), () -> Signatures.property(receiver, property));
        return super.onGetProperty(invoker, receiver, property);
    }

    @Override
    public Object onSetProperty(Invoker invoker, Object receiver, String property, Object value) throws Throwable {
        check(whitelist.permitsSetting(receiver, property), () -> Signatures.property(receiver, property));
        return super.onSetProperty(invoker, receiver, property, value);
    }

    @Override
    public Object onGetAttribute(Invoker invoker, Object receiver, String attribute) throws Throwable {
        check(whitelist.permitsSetting(receiver, attribute), () -> Signatures.property(receiver, attribute));
        return super.onGetAttribute(invoker, receiver, attribute);
    }

    private static void check(boolean permitted, Supplier<String> signature) {
        if (!permitted) {
            throw new RejectedAccessException(signature.get());
        }
    }
}
