package org.jenkinsml.harness.front;

import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import java.util.stream.Collectors;
import javax.lang.model.SourceVersion;
import org.codehaus.groovy.ast.ASTNode;
import org.codehaus.groovy.control.CompilationUnit;
import org.codehaus.groovy.control.ErrorCollector;
import org.codehaus.groovy.control.MultipleCompilationErrorsException;
import org.codehaus.groovy.control.Phases;

/** Checks that a model makes sense on a server with that catalog: sections, names, arguments and their types. */
final class ModelValidator {

    private static final Pattern ENVIRONMENT_NAME = Pattern.compile("[a-zA-Z_]+[a-zA-Z0-9_]*");

    private final Catalog catalog;
    private final Problems problems;
    private final ArgumentValidator arguments;

    ModelValidator(Catalog catalog, Problems problems) {
        this.catalog = catalog;
        this.problems = problems;
        arguments = new ArgumentValidator(catalog, problems);
    }

    void validate(Model.Pipeline pipeline) {
        if (pipeline.stages == null) {
            missingSection(pipeline.at, "stages");
        }
        if (pipeline.agent == null) {
            missingSection(pipeline.at, "agent");
        }
        if (pipeline.stages != null) {
            stages(pipeline.stages, false);
        }
        post(pipeline.post);
        environment(pipeline.environment);
        agent(pipeline.agent);
        tools(pipeline.tools);
        options(pipeline.options);
        parameters(pipeline.parameters);
        triggers(pipeline.triggers);
        libraries(pipeline.libraries);
    }

    private void missingSection(ASTNode at, String name) {
        problems.error(at, "Missing required section \"" + name + "\"");
    }

    private void emptySection(ASTNode at, String name) {
        problems.error(at, name + " can not be empty");
    }

    private static <T> Set<T> duplicates(Collection<T> all) {
        Set<T> seen = new LinkedHashSet<>();
        return all.stream().filter(item -> !seen.add(item)).collect(Collectors.toCollection(LinkedHashSet::new));
    }

    private void stages(Model.Stages stages, boolean withinParallel) {
        stageNames(stages);
        stages.stages.forEach(stage -> stage(stage, withinParallel));
    }

    private void stageNames(Model.Stages stages) {
        if (stages.stages.isEmpty()) {
            problems.error(stages.at, "No stages specified");
        }
        duplicates(stages.stages.stream().map(s -> s.name).toList()).forEach(name ->
                problems.error(stages.at, "Duplicate stage name: \"" + name + "\""));
    }

    private void stageSections(Model.StageSections owner) {
        agent(owner.agent);
        when(owner.when);
        post(owner.post);
        tools(owner.tools);
        environment(owner.environment);
        options(owner.options);
        input(owner.input);
    }

    private void stage(Model.Stage stage, boolean withinParallel) {
        stageSections(stage);
        content(stage, withinParallel);
        stage.branches.forEach(this::branch);
        if (stage.parallel != null) {
            stageNames(stage.parallel); // the server checks these names twice
            stages(stage.parallel, true);
        }
        if (stage.matrix != null) {
            matrix(stage.matrix);
        }
        if (stage.stages != null) {
            stages(stage.stages, withinParallel);
        }
    }

    /** A stage has exactly one of steps, stages, parallel and matrix; the last two do not nest. */
    private void content(Model.Stage stage, boolean withinParallel) {
        int contents = (stage.branches.isEmpty() ? 0 : 1) + (stage.parallel == null ? 0 : 1)
                + (stage.matrix == null ? 0 : 1) + (stage.stages == null ? 0 : 1);
        if (withinParallel && (stage.branches.size() > 1 || stage.parallel != null || stage.matrix != null)) {
            ASTNode at = stage.matrix != null ? stage.matrix.at
                    : stage.parallel != null ? stage.parallel.at : stage.branches.get(0).at();
            problems.error(at, "\"matrix\" or \"parallel\" cannot be nested inside another \"matrix\" or "
                    + "\"parallel\".");
        } else if (contents > 1) {
            problems.error(stage.at, "Only one of \"matrix\", \"parallel\", \"stages\", or \"steps\" allowed for "
                    + "stage \"" + stage.name + "\"");
        } else if (contents == 0) {
            problems.error(stage.at, "Expected one of \"steps\", \"stages\", or \"parallel\" for stage \"" + stage.name
                    + "\"");
        } else if (stage.parallel != null || stage.matrix != null) {
            notBesideParallel(stage.agent, "agent", stage.name);
            notBesideParallel(stage.tools, "tools", stage.name);
        }
    }

    private void notBesideParallel(Model.Element section, String name, String stage) {
        if (section != null) {
            problems.error(section.at, "\"" + name + "\" is not allowed in stage \"" + stage
                    + "\" as it contains parallel or matrix stages");
        }
    }

    private void matrix(Model.Matrix matrix) {
        stageSections(matrix);
        if (matrix.axes == null) {
            missingSection(matrix.at, "axes");
        }
        if (matrix.stages == null) {
            missingSection(matrix.at, "stages");
        }
        if (matrix.axes != null) {
            axes(matrix.axes);
        }
        if (matrix.excludes != null) {
            if (matrix.excludes.excludes.isEmpty()) {
                problems.error(matrix.excludes.at, "No exclude directives specified");
            }
            matrix.excludes.excludes.forEach(this::axes);
        }
        if (matrix.stages != null) {
            stages(matrix.stages, true);
        }
    }

    private void axes(Model.Axes axes) {
        if (axes.axes.isEmpty()) {
            problems.error(axes.at, "No axis directives specified");
        }
        List<Model.Key> names = axes.axes.stream().map(a -> a.name)
                .filter(name -> name != null && !name.text().isEmpty()).toList();
        duplicates(names.stream().map(Model.Key::text).toList()).forEach(name ->
                problems.error(names.stream().filter(n -> n.text().equals(name)).findFirst().orElseThrow().at(),
                        "Duplicate axis name: \"" + name + "\""));
        axes.axes.forEach(this::axis);
    }

    private void axis(Model.Axis axis) {
        if (axis.name == null) {
            missingSection(axis.at, "name");
        } else if (!isEnvironmentName(axis.name.text())) {
            problems.error(axis.name.at(), SectionParser.notAnIdentifier(axis.name.text()));
        }
        if (axis.values.isEmpty()) {
            missingSection(axis.at, "values");
        }
        List<Model.Value> values = axis.values.stream().map(ModelValidator::axisValue).toList();
        duplicates(values.stream().map(Model.Value::value).toList()).forEach(value ->
                problems.error(values.stream().filter(v -> v.value().equals(value)).findFirst().orElseThrow().at(),
                        "Duplicate axis value: \"" + value + "\""));
        values.stream().filter(value -> !value.literal()).forEach(value ->
                problems.error(value.at(), "Expected string literal but got " + value.value()));
    }

    private static Model.Value axisValue(Model.Argument argument) {
        if (argument instanceof Model.Value value) {
            return value;
        }
        throw new ServerException("The value of an axis is neither a literal nor an expression");
    }

    private static boolean isEnvironmentName(String name) {
        return SourceVersion.isIdentifier(name) && ENVIRONMENT_NAME.matcher(name).matches();
    }

    private void agent(Model.Agent agent) {
        if (agent == null) {
            return;
        }
        List<String> names = catalog.agents().values().stream()
                .filter(a -> !a.hidden()).map(Describable::name).toList();
        if (agent.type == null) {
            problems.error(agent.at, "No agent type specified. Must be one of " + names);
            return;
        }
        Describable type = catalog.agents().get(agent.type.text());
        if (type == null) {
            problems.error(agent.type.at(), "Invalid agent type \"" + agent.type.text()
                    + "\" specified. Must be one of " + names);
        } else if (!type.parameters().isEmpty()) {
            agentSettings(agent, type);
        }
    }

    private void agentSettings(Model.Agent agent, Describable type) {
        if (agent.settings != null) {
            for (Parameter parameter : type.required()) {
                if (!agent.settings.keys.containsKey(parameter.name())) {
                    problems.error(agent.type.at(), "Missing required parameter for agent type \"" + type.name()
                            + "\": " + parameter.name());
                }
            }
            agent.settings.keys.forEach((key, at) -> {
                if (type.parameter(key) == null) {
                    problems.error(at, "Invalid config option \"" + key + "\" for agent type \"" + type.name()
                            + "\". Valid config options are " + type.parameterNames());
                }
            });
        } else if (type.required().size() > 1) {
            problems.error(agent.type.at(), "Multiple parameters are required for agent type \"" + type.name() + "\" - "
                    + type.required().stream().map(Parameter::name).toList() + ". Please use a block instead.");
        }
    }

    private void environment(Model.Environment environment) {
        if (environment == null) {
            return;
        }
        if (environment.names.isEmpty()) {
            problems.error(environment.at, "No variables specified for environment");
        }
        for (Model.Key name : environment.names.values()) {
            if (!isEnvironmentName(name.text())) {
                problems.error(name.at(), SectionParser.notAnIdentifier(name.text()));
            }
        }
    }

    private void tools(Model.Tools tools) {
        if (tools == null) {
            return;
        }
        if (tools.types.isEmpty()) {
            problems.error(tools.at, "No tools specified");
        }
        for (Model.Key type : tools.types.values()) {
            List<String> installed = catalog.tools().get(type.text());
            Model.Value name = tools.names.get(type.text());
            if (installed == null) {
                invalidType(type.at(), "tool", type.text(), catalog.tools().keySet());
            } else if (name.literal() && !installed.contains(String.valueOf(name.value()))) {
                problems.error(name.at(), "Tool type \"" + type.text() + "\" does not have an install of \""
                        + name.value() + "\" configured - did you mean \""
                        + Nearest.to(String.valueOf(name.value()), installed) + "\"?");
            }
        }
    }

    private void invalidType(ASTNode at, String what, String name, Collection<String> valid) {
        problems.error(at, "Invalid " + what + " type \"" + name + "\". Valid " + what + " types: " + valid);
    }

    private void libraries(Model.Libraries libraries) {
        if (libraries != null && libraries.identifiers.isEmpty()) {
            emptySection(libraries.at, "libraries");
        }
    }

    private void options(Model.Options options) {
        if (options == null) {
            return;
        }
        if (options.calls.isEmpty()) {
            emptySection(options.at, "options");
        }
        duplicates(options.calls.stream().map(o -> String.valueOf(o.name)).toList()).forEach(name ->
                problems.error(options.at, "Duplicate option name: \"" + name + "\""));
        for (Model.Call option : options.calls) {
            if (option.name != null && !catalog.optionNames(options.inStage).contains(option.name)) {
                invalidType(option.at, "option", option.name, catalog.optionNames(options.inStage));
            }
        }
        options.calls.forEach(option -> arguments.definition(option, catalog.option(option.name)));
    }

    private void triggers(Model.Calls triggers) {
        if (triggers == null) {
            return;
        }
        if (triggers.calls.isEmpty()) {
            emptySection(triggers.at, "triggers");
        }
        duplicates(triggers.calls.stream().map(t -> String.valueOf(t.name)).toList()).forEach(name ->
                problems.error(triggers.at, "Duplicate trigger name: \"" + name + "\""));
        triggers.calls.forEach(trigger -> definition(trigger, "trigger", catalog.triggers()));
    }

    private void parameters(Model.Calls parameters) {
        if (parameters == null) {
            return;
        }
        if (parameters.calls.isEmpty()) {
            emptySection(parameters.at, "parameters");
        }
        parameters.calls.forEach(this::parameter);
    }

    private void parameter(Model.Call parameter) {
        definition(parameter, "parameter", catalog.parameters());
    }

    private void definition(Model.Call call, String what, Map<String, Describable> known) {
        if (call.name != null && !known.containsKey(call.name)) {
            invalidType(call.at, what, call.name, known.keySet());
        }
        arguments.definition(call, known.get(call.name));
    }

    private void input(Model.Input input) {
        if (input == null) {
            return;
        }
        if (!input.fields.containsKey("message")) {
            problems.error(input.at, "No message specified for input");
        }
        input.parameters.forEach(this::parameter);
    }

    private void when(Model.When when) {
        if (when == null) {
            return;
        }
        if (when.conditions.isEmpty()) {
            problems.error(when.at, "Empty when closure, remove the property or add some content.");
        }
        when.conditions.forEach(this::whenContent);
    }

    private void whenContent(Model.WhenContent content) {
        if (content instanceof Model.CodeBlock expression) {
            codeBlock(expression);
        } else {
            condition((Model.Condition) content);
        }
    }

    private void condition(Model.Condition condition) {
        if (condition.name != null) {
            namedCondition(condition);
        }
        condition.children.forEach(this::whenContent);
    }

    private void namedCondition(Model.Condition condition) {
        Describable known = catalog.conditions().get(condition.name);
        if (known == null) {
            problems.error(condition.at, "Unknown conditional " + condition.name + ". Valid conditionals are: "
                    + String.join(", ", catalog.conditions().keySet()));
        } else if (known.children() == Describable.Children.NONE) {
            plainCondition(condition, known);
        } else {
            nestedCondition(condition, known);
        }
        if (condition.name.equals("changelog")) {
            changelogPattern(condition);
        }
    }

    private void nestedCondition(Model.Condition condition, Describable known) {
        if (condition.arguments != null) {
            problems.error(condition.at, "No additional arguments are allowed for children when condition \""
                    + condition.name + "\".");
        } else if (known.children() == Describable.Children.SOME) {
            if (condition.children.isEmpty()) {
                problems.error(condition.at, "Nested when condition \"" + condition.name
                        + "\" requires at least one child condition.");
            }
        } else if (condition.children.size() != 1) {
            problems.error(condition.at, "Nested when condition \"" + condition.name
                    + "\" requires exactly 1 child condition(s).");
        } else {
            whenContent(condition.children.get(0)); // the server checks it twice
        }
    }

    private void plainCondition(Model.Condition condition, Describable known) {
        if (!condition.children.isEmpty()) {
            problems.error(condition.at, "No children when conditions are allowed for when condition \""
                    + condition.name + "\".");
        } else if (condition.arguments == null) {
            throw new ServerException("The condition " + condition.name + " has neither arguments nor conditions");
        } else {
            arguments.check(condition.at, condition.name, condition.arguments, known, false);
        }
    }

    /** The pattern of {@code changelog} has to be a regular expression; of an expression the source text counts. */
    private void changelogPattern(Model.Condition condition) {
        Model.Value pattern = condition.arguments == null ? null : switch (condition.arguments.kind()) {
            case NAMED -> condition.arguments.named("pattern");
            case SINGLE, POSITIONAL -> condition.arguments.values().get(0);
        };
        if (pattern == null || pattern.value() == null) {
            problems.error(condition.at, "Changelog is missing required parameter \"pattern\".");
        } else if (!(pattern.value() instanceof String)) {
            throw new ServerException("The pattern of changelog is not a string");
        } else {
            try {
                Pattern.compile((String) pattern.value());
            } catch (PatternSyntaxException e) {
                problems.error(condition.at, "\"" + pattern.value() + "\" is not a valid regular expression. "
                        + e.getMessage());
            }
        }
    }

    private void post(Model.Post post) {
        if (post == null) {
            return;
        }
        if (post.conditions.isEmpty()) {
            emptySection(post.at, "post");
        }
        duplicates(post.conditions.stream().map(Model.PostCondition::condition).toList()).forEach(name ->
                problems.error(post.at, "Duplicate build condition name: \"" + name + "\""));
        for (Model.PostCondition condition : post.conditions) {
            if (!catalog.postConditions().contains(condition.condition())) {
                problems.error(condition.at(), "Invalid condition \"" + condition.condition()
                        + "\" - valid conditions are " + catalog.postConditions());
            }
            branch(condition.branch());
        }
    }

    private void branch(Model.Branch branch) {
        if (branch.steps().isEmpty()) {
            problems.error(branch.at(), "No steps specified for branch");
        }
        branch.steps().forEach(this::step);
    }

    private void step(Model.Step step) {
        if (step instanceof Model.CodeBlock block) {
            codeBlock(block);
            return;
        }
        Model.StepCall call = (Model.StepCall) step;
        if (call.name() == null) {
            return;
        }
        arguments.step(call);
        call.children().forEach(this::step);
    }

    /** Free Groovy is only parsed, on its own as the server does. */
    private void codeBlock(Model.CodeBlock block) {
        if (block.source() == null) {
            throw new ServerException("There is no code in " + block.name());
        }
        String source = block.source().lines().map(String::trim).collect(Collectors.joining("\n"));
        CompilationUnit unit = new CompilationUnit();
        unit.addSource(block.name(), source);
        try {
            unit.compile(Phases.PARSING);
        } catch (MultipleCompilationErrorsException e) {
            ErrorCollector errors = e.getErrorCollector();
            StringBuilder messages = new StringBuilder();
            for (int i = 0; i < errors.getErrorCount(); i++) {
                messages.append(i == 0 ? "" : ", ").append(errors.getSyntaxError(i).getOriginalMessage());
            }
            problems.error(block.at(), "Groovy compilation error(s) in " + block.name() + ". Error(s): \"" + messages
                    + "\"");
        }
    }
}
