package org.jenkinsml.harness.front;

import java.util.List;
import java.util.Map;
import org.codehaus.groovy.ast.ASTNode;

/** Checks the arguments of steps, conditions, options, triggers and build parameters against the {@link Catalog}. */
final class ArgumentValidator {

    private static final Map<String, String> BLOCKED_STEPS = Map.of(
            "stage", "The stage step cannot be used in Declarative Pipelines",
            "properties", "The properties step cannot be used in Declarative Pipelines",
            "parallel", "The parallel step can only be used as the only top-level step in a stages step block");

    private final Catalog catalog;
    private final Problems problems;

    ArgumentValidator(Catalog catalog, Problems problems) {
        this.catalog = catalog;
        this.problems = problems;
    }

    /** A step: whether it may be used at all, and its arguments; of an unknown one nothing is known. */
    void step(Model.StepCall call) {
        if (BLOCKED_STEPS.containsKey(call.name())) {
            blocked(call.at(), call.name(), BLOCKED_STEPS.get(call.name()));
        }
        Describable known = call.name().equals("parallel") ? null : catalog.stepOrSymbol(call.name());
        if (known != null) {
            check(call.at(), call.name(), call.arguments(), known, known.block());
        }
    }

    /** The arguments of a step or condition. */
    void check(ASTNode at, String name, Model.Arguments arguments, Describable known, boolean block) {
        switch (arguments.kind()) {
            case NAMED -> namedArguments(at, arguments, known, block);
            case POSITIONAL -> problems.error(at, "Arguments to \"" + name + "\" must be explicitly named.");
            case SINGLE -> {
                Parameter sole = known.soleRequired();
                if (sole != null) {
                    type(arguments.values().get(0), sole, null);
                } else if (!block) {
                    problems.error(at, "Step does not take a single required parameter - use named parameters instead");
                }
            }
        }
    }

    private void namedArguments(ASTNode at, Model.Arguments arguments, Describable known, boolean block) {
        Parameter sole = known.soleRequired();
        boolean valid = true;
        for (Model.Named argument : arguments.named()) {
            if (known.parameter(argument.key().text()) == null && sole != null && sole.type().describable()) {
                return; // the arguments are those of the definition that the only parameter takes
            }
            Parameter parameter = parameter(argument.key(), known);
            if (parameter == null) {
                valid = false;
                continue;
            }
            boolean unnamed = arguments.named().size() == 1 && parameter.equals(sole) && !block;
            valid &= type((Model.Value) argument.value(), parameter, unnamed ? null : argument.key());
        }
        if (!valid) {
            return;
        }
        for (Parameter parameter : known.required()) {
            if (arguments.named().stream().noneMatch(a -> a.key().text().equals(parameter.name()))) {
                problems.error(at, "Missing required parameter: \"" + parameter.name() + "\"");
            }
        }
    }

    /** A named definition in a section, and then what is nested in it. */
    void definition(Model.Call call, Describable known) {
        if (call.name == null) {
            return;
        }
        blockedCall(call);
        if (call.mixesNamedAndUnnamed()) {
            mixedArguments(call);
        }
        arguments(call, known);
        nested(call);
    }

    private void nested(Model.Call call) {
        for (Model.Argument argument : call.arguments) {
            Model.Argument value = argument instanceof Model.Named named ? named.value() : argument;
            if (value instanceof Model.Call inner) {
                nestedCall(inner);
                nested(inner);
            }
        }
    }

    private void nestedCall(Model.Call call) {
        blockedCall(call);
        arguments(call, catalog.symbolOrStep(call.name));
    }

    private void blockedCall(Model.Call call) {
        if (call.name.equals("node")) {
            blocked(call.at, call.name, "The node step cannot be used in Declarative Pipelines");
        } else if (BLOCKED_STEPS.containsKey(call.name)) {
            blocked(call.at, call.name, BLOCKED_STEPS.get(call.name));
        }
    }

    private void blocked(ASTNode at, String name, String why) {
        problems.error(at, "Invalid step \"" + name + "\" used - not allowed in this context - " + why);
    }

    private void mixedArguments(Model.Call call) {
        problems.error(call.at, "Cannot mix named and unnamed arguments");
    }

    /** The arguments of a definition. That a required one is missing among named ones is left to the run. */
    private void arguments(Model.Call call, Describable known) {
        if (known == null) {
            return;
        }
        if (call.hasNamed()) {
            for (Model.Argument argument : call.arguments) {
                if (argument instanceof Model.Named named) {
                    argument(named, known);
                } else {
                    mixedArguments(call);
                }
            }
            return;
        }
        List<Parameter> required = known.required();
        int given = call.arguments.size();
        if (given > 1) {
            problems.error(call.at, "Arguments to \"" + call.name + "\" must be explicitly named.");
        } else if (required.size() != given) {
            boolean defaultsToNull = given == 0 && required.size() == 1
                    && required.get(0).type().javaType() == Boolean.class;
            if (!defaultsToNull) {
                problems.error(call.at, "\"" + call.name + "\" should have " + required.size() + " arguments but has "
                        + given + " arguments instead.");
            }
        } else if (given == 1) {
            if (call.arguments.get(0) instanceof Model.Call inner) {
                nestedCall(inner);
            } else {
                type((Model.Value) call.arguments.get(0), required.get(0), null);
            }
        }
    }

    private void argument(Model.Named argument, Describable known) {
        Parameter parameter = parameter(argument.key(), known);
        if (parameter == null) {
            return;
        }
        if (argument.value() instanceof Model.Call inner) {
            nestedCall(inner);
        } else if (argument.value() instanceof Model.Value value) {
            type(value, parameter, argument.key());
        }
    }

    /** The parameter that the key names, or null and an error. */
    private Parameter parameter(Model.Key key, Describable known) {
        Parameter parameter = known.parameter(key.text());
        if (parameter == null) {
            problems.error(key.at(), "Invalid parameter \"" + key.text() + "\", did you mean \""
                    + Nearest.to(key.text(), known.parameterNames()) + "\"?");
        }
        return parameter;
    }

    /** Checks a literal against the type of the parameter; true if it fits or only the run can tell. */
    private boolean type(Model.Value value, Parameter parameter, Model.Key key) {
        if (!value.literal() || parameter.accepts(value.value())) {
            return true;
        }
        problems.error(value.at(), "Expecting \"" + parameter.type().displayName() + "\" "
                + (key == null ? "" : "for parameter \"" + key.text() + "\" ") + "but got \"" + value.value()
                + "\" of type " + value.value().getClass() + " instead");
        return false;
    }
}
