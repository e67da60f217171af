package org.jenkinsml.harness;

import groovy.lang.GroovyObjectSupport;
import org.codehaus.groovy.runtime.InvokerHelper;
import org.jenkinsml.harness.globals.Global;

/** The variable {@code steps}: calls steps on it. */
final class StepsGlobal extends GroovyObjectSupport implements Global {

    private final Host host;

    StepsGlobal(Host host) {
        this.host = host;
    }

    @Override
    public Object invokeMethod(String name, Object arguments) {
        return host.invokeStep(name, InvokerHelper.asArray(arguments));
    }
}
