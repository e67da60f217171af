package org.jenkinsml.harness.steps;

import java.util.HashMap;
import java.util.Map;

/** All steps without a block, by name: each group of steps adds its own. */
public final class Steps {

    private static final Map<String, Step> STEPS = new HashMap<>();

    static {
        BasicSteps.addTo(STEPS);
        ShellSteps.addTo(STEPS);
        FileSteps.addTo(STEPS);
        DataSteps.addTo(STEPS);
        ReportSteps.addTo(STEPS);
        JobSteps.addTo(STEPS);
        ScmSteps.addTo(STEPS);
        NotificationSteps.addTo(STEPS);
    }

    private Steps() {
    }

    /** The step of that name, or null. */
    public static Step named(String name) {
        return STEPS.get(name);
    }
}
