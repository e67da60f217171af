package org.jenkinsml.harness.front;

import java.util.List;

/**
 * Something that a Jenkinsfile calls by name with arguments: a step, an option, a trigger, a build parameter, a
 * condition, an agent or a value of one of their parameters.
 *
 * @param block    a step that takes a block
 * @param inOptions a step that may also wrap the pipeline or a stage from {@code options}
 * @param inStage  an option that a stage may have, too
 * @param children how many conditions a {@code when} condition nests
 * @param hidden   left out where the server lists what there is
 */
public record Describable(String name, String plugin, List<Parameter> parameters, boolean block, boolean inOptions,
                          boolean inStage, Children children, boolean hidden) {

    /** How many conditions a {@code when} condition holds. */
    public enum Children { NONE, ONE, SOME }

    /** The parameter of that name, or null. */
    public Parameter parameter(String parameterName) {
        return parameters.stream().filter(p -> p.name().equals(parameterName)).findFirst().orElse(null);
    }

    /** The parameters that have to be given. */
    public List<Parameter> required() {
        return parameters.stream().filter(Parameter::required).toList();
    }

    /** The one that an unnamed argument means: the only required parameter, or null. */
    public Parameter soleRequired() {
        List<Parameter> required = required();
        return required.size() == 1 ? required.get(0) : null;
    }

    /** The names of all parameters, in order. */
    public List<String> parameterNames() {
        return parameters.stream().map(Parameter::name).toList();
    }
}
