package org.jenkinsml.harness.globals;

import groovy.lang.GroovyObjectSupport;
import java.util.Map;
import java.util.function.Supplier;
import org.jenkinsml.harness.Build;
import org.jenkinsml.harness.Context;
import org.jenkinsml.harness.PendingEnvironment;

/** The variable {@code env}: reads the environment where the script is, writes variables for the rest of the build. */
public final class EnvGlobal extends GroovyObjectSupport implements Global {

    private final Build build;
    private final Supplier<Context> context;

    public EnvGlobal(Build build, Supplier<Context> context) {
        this.build = build;
        this.context = context;
    }

    @Override
    public Object getProperty(String name) {
        PendingEnvironment pending = context.get().get(PendingEnvironment.class);
        if (pending != null && pending.defines(name)) {
            Object value = pending.value(name);
            return value == null ? null : value.toString();
        }
        return build.environment(context.get()).get(name);
    }

    @Override
    public void setProperty(String name, Object value) {
        if (value == null) {
            build.overrides().remove(name);
        } else {
            build.overrides().put(name, value.toString());
        }
    }

    /** All variables, as {@code env.getEnvironment()} gives them. */
    public Map<String, String> getEnvironment() {
        return build.environment(context.get());
    }
}
