package org.jenkinsml.harness.steps;

import java.io.Serializable;
import java.util.Map;
import org.jenkinsml.harness.globals.Value;

/** A build of another job, as the step {@code build} gives it. */
public final class OtherBuild implements Serializable, Value {

    private static final long serialVersionUID = 1;

    private final String fullProjectName;
    private final int number;
    private final String result;
    private final Map<String, String> variables;

    OtherBuild(String fullProjectName, int number, String result, Map<String, String> variables) {
        this.fullProjectName = fullProjectName;
        this.number = number;
        this.result = result;
        this.variables = variables;
    }

    public String getResult() {
        return result;
    }

    public String getCurrentResult() {
        return result;
    }

    public int getNumber() {
        return number;
    }

    public String getId() {
        return String.valueOf(number);
    }

    public String getFullProjectName() {
        return fullProjectName;
    }

    public String getProjectName() {
        return fullProjectName.substring(fullProjectName.lastIndexOf('/') + 1);
    }

    public String getDisplayName() {
        return "#" + number;
    }

    public Map<String, String> getBuildVariables() {
        return variables;
    }
}
