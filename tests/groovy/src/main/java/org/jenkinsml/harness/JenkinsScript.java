package org.jenkinsml.harness;

import com.cloudbees.groovy.cps.SerializableScript;
import groovy.lang.Binding;
import groovy.lang.MissingPropertyException;
import org.codehaus.groovy.runtime.InvokerHelper;

/** What a Jenkinsfile and every file of a library is compiled to: names that it does not define are the server's. */
public abstract class JenkinsScript extends SerializableScript {

    private static final long serialVersionUID = 1;

    /** The variables of a script, and the build that it belongs to. */
    static final class BuildBinding extends Binding {
        private final transient Build build;

        BuildBinding(Build build) {
            this.build = build;
        }
    }

    private Build build() {
        return ((BuildBinding) getBinding()).build;
    }

    @Override
    public Object invokeMethod(String name, Object arguments) {
        Object[] list = InvokerHelper.asArray(arguments);
        if (getBinding().hasVariable(name)) {
            return InvokerHelper.invokeMethod(getBinding().getVariable(name), "call", list);
        }
        return build().host().invoke(name, list);
    }

    @Override
    public Object getProperty(String name) {
        if (getBinding().hasVariable(name)) {
            return getBinding().getVariable(name);
        }
        if (getMetaClass().hasProperty(this, name) != null) {
            return super.getProperty(name);
        }
        return build().host().global(name)
                .orElseThrow(() -> new MissingPropertyException(name, Binding.class))
                .value();
    }

    /** Not Groovy's own, which would block: the step. */
    public void sleep(long seconds) {
        invokeMethod("sleep", seconds);
    }

    @Override
    public void println() {
        println("");
    }

    @Override
    public void println(Object value) {
        invokeMethod("echo", String.valueOf(value));
    }

    @Override
    public void print(Object value) {
        println(value);
    }

    @Override
    public void printf(String format, Object value) {
        println(String.format(format, value));
    }

    @Override
    public void printf(String format, Object[] values) {
        println(String.format(format, values));
    }

    @Override
    public Object evaluate(String expression) {
        return build().loader().parse(expression, null, getBinding()).run();
    }
}
