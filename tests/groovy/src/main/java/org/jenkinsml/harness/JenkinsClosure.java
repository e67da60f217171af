package org.jenkinsml.harness;

import com.cloudbees.groovy.cps.Block;
import com.cloudbees.groovy.cps.Env;
import com.cloudbees.groovy.cps.impl.CpsClosure;
import java.util.List;
import org.codehaus.groovy.runtime.InvokerHelper;

/** A block of a script: what Groovy gives to every object must not hide the step of that name. */
public final class JenkinsClosure extends CpsClosure {

    private static final long serialVersionUID = 1;

    public JenkinsClosure(Object owner, Object thisObject, List<String> parameters, Block body, Env capture) {
        super(owner, thisObject, parameters, body, capture);
    }

    /** Not Groovy's own, which would block: the step. */
    public void sleep(long seconds) {
        InvokerHelper.invokeMethod(getOwner(), "sleep", seconds);
    }
}
