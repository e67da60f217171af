package org.jenkinsml.harness.globals;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jenkinsml.harness.Build;

/** The variable {@code params}: what the build was started with, and the defaults of what it was not given. */
public final class ParamsGlobal {

    private ParamsGlobal() {
    }

    public static Map<String, Object> of(Build build) {
        Map<String, Object> all = new LinkedHashMap<>(build.parameters());
        build.parameterDefaults().forEach(all::putIfAbsent);
        return Collections.unmodifiableMap(all);
    }
}
