package org.jenkinsml.harness.front;

import static org.jenkinsml.harness.front.Ast.arguments;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.codehaus.groovy.ast.expr.ClosureExpression;
import org.codehaus.groovy.ast.expr.Expression;
import org.codehaus.groovy.ast.expr.MethodCallExpression;
import org.codehaus.groovy.ast.stmt.Statement;
import org.codehaus.groovy.control.SourceUnit;

/**
 * Reads the syntax tree of a Jenkinsfile into the {@link Model}. It reports what cannot be read at all; whether what it
 * read makes sense is the {@link ModelValidator}'s business.
 */
final class ModelParser extends SyntaxReader {

    private final SectionParser sections;
    private final StepParser steps;

    ModelParser(SourceUnit source, Catalog catalog, Problems problems) {
        super(source, catalog, problems);
        sections = new SectionParser(source, catalog, problems);
        steps = new StepParser(source, catalog, problems);
    }

    /** Reads a statement that {@link PipelineFinder} found. */
    Model.Pipeline parsePipeline(Statement statement) {
        Ast.Block block = Ast.block(statement);
        Model.Pipeline pipeline = new Model.Pipeline(statement, block.call());
        sections(block, null, "section", (section, name) -> {
            switch (name) {
                case "stages" -> pipeline.stages = parseStages(section, name);
                case "environment" -> pipeline.environment = sections.parseEnvironment(section);
                case "post" -> pipeline.post = steps.parsePost(section);
                case "agent" -> pipeline.agent = sections.parseAgent(section);
                case "tools" -> pipeline.tools = sections.parseTools(section);
                case "options" -> pipeline.options = sections.parseOptions(section, false);
                case "parameters" -> pipeline.parameters = sections.parseParameters(section);
                case "triggers" -> pipeline.triggers = sections.parseTriggers(section);
                case "libraries" -> pipeline.libraries = sections.parseLibraries(section);
                case "properties" -> problems.error(section, "The ‘properties’ section has been renamed as of version "
                        + "0.8. Use ‘options’ instead.");
                case "wrappers" -> problems.error(section, "The 'wrappers' section has been removed as of version 0.8. "
                        + "Use 'options' instead.");
                case "jobProperties" -> problems.error(section, "The ‘jobProperties’ section has been renamed as of "
                        + "version 0.7. Use ‘properties’ instead.");
                case "notifications" -> problems.error(section, "The ‘notifications’ section has been removed as of "
                        + "version 0.6. Use ‘post’ for all post-build actions.");
                case "postBuild" -> problems.error(section, "The ‘postBuild’ section has been renamed as of version "
                        + "0.6. Use ‘post’ for all post-build actions.");
                default -> undefinedSection(section, name);
            }
        });
        return pipeline;
    }

    private Model.Stages parseStages(Statement section, String name) {
        Model.Stages stages = new Model.Stages(section);
        Ast.Block block = blockFor(section, name);
        if (block != null) {
            for (Statement statement : block.statements()) {
                Model.Stage stage = parseStage(statement);
                if (stage != null) {
                    stages.stages.add(stage);
                }
            }
        }
        return stages;
    }

    private Model.Stage parseStage(Statement statement) {
        Ast.Block block = Ast.block(statement);
        if (block == null || !block.name().equals("stage")) {
            problems.error(statement, "Expected a stage");
            return null;
        }
        Model.Stage stage = new Model.Stage(statement);
        stage.name = stringLiteral(block.argument(0));
        if (!(block.argument(1) instanceof ClosureExpression body)) {
            problems.error(statement, "Stage does not have a block");
            return stage;
        }
        sections(new Ast.Block(block.call(), block.name(), body), statement, "stage section", (section, name) -> {
            switch (name) {
                case "steps" -> steps.parseSteps(section, stage);
                case "parallel" -> stage.parallel = parseStages(section, name);
                case "matrix" -> stage.matrix = parseMatrix(section);
                case "failFast" -> stage.failFast = parseBoolean(section);
                default -> {
                    if (!parseStageSection(section, name, stage)) {
                        problems.error(statement, "Unknown stage section \"" + name + "\". Starting with version 0.5, "
                                + "steps in a stage must be in a ‘steps’ block.");
                    }
                }
            }
        });
        return stage;
    }

    /** Reads a section that stages and matrices have; false if it is none. */
    private boolean parseStageSection(Statement section, String name, Model.StageSections owner) {
        switch (name) {
            case "agent" -> owner.agent = sections.parseAgent(section);
            case "when" -> owner.when = parseWhen(section);
            case "post" -> owner.post = steps.parsePost(section);
            case "options" -> owner.options = sections.parseOptions(section, true);
            case "input" -> owner.input = sections.parseInput(section);
            case "tools" -> owner.tools = sections.parseTools(section);
            case "environment" -> owner.environment = sections.parseEnvironment(section);
            case "stages" -> owner.stages = parseStages(section, name);
            default -> {
                return false;
            }
        }
        return true;
    }

    private Model.Matrix parseMatrix(Statement statement) {
        Model.Matrix matrix = new Model.Matrix(statement);
        Ast.Block block = blockFor(statement, "matrix");
        if (block != null) {
            sections(block, null, "section", (section, name) -> {
                switch (name) {
                    case "axes" -> matrix.axes = parseAxes(section, name, false);
                    case "excludes" -> matrix.excludes = parseExcludes(section);
                    default -> {
                        if (!parseStageSection(section, name, matrix)) {
                            undefinedSection(section, name);
                        }
                    }
                }
            });
        }
        return matrix;
    }

    private Model.Axes parseAxes(Statement section, String name, boolean exclude) {
        Model.Axes axes = new Model.Axes(section);
        Ast.Block block = blockFor(section, name);
        if (block != null) {
            block.statements().forEach(statement -> axes.axes.add(parseAxis(statement, exclude)));
        }
        return axes;
    }

    private Model.Excludes parseExcludes(Statement section) {
        Model.Excludes excludes = new Model.Excludes(section);
        Ast.Block block = blockFor(section, "excludes");
        if (block != null) {
            block.statements().forEach(statement -> excludes.excludes.add(parseAxes(statement, "exclude", true)));
        }
        return excludes;
    }

    private Model.Axis parseAxis(Statement statement, boolean exclude) {
        Model.Axis axis = new Model.Axis(statement);
        Ast.Block block = blockFor(statement, "axis");
        if (block == null) {
            return axis;
        }
        Set<String> seen = new HashSet<>();
        sections(block, null, "section", (section, name) -> {
            seen.add(name);
            switch (name) {
                case "name" -> parseAxisName(section, axis);
                case "values" -> axis.values.addAll(sections.parseCall(Ast.call(section), name).arguments);
                case "notValues" -> {
                    if (!exclude) {
                        undefinedSection(section, name);
                    }
                    axis.negated = true;
                    axis.values.addAll(sections.parseCall(Ast.call(section), name).arguments);
                }
                default -> undefinedSection(section, name);
            }
            if (!name.equals("name") && seen.containsAll(Set.of("values", "notValues"))) {
                problems.error(section, "Only one of \"values\" or \"notValues\" may be specified for an axis.");
            }
        });
        return axis;
    }

    private void parseAxisName(Statement section, Model.Axis axis) {
        List<Expression> arguments = arguments(Ast.call(section));
        if (arguments.isEmpty()) {
            problems.error(section, "No argument for field \"name\"");
        } else if (arguments.size() > 1) {
            problems.error(section, "Too many arguments for field \"name\"");
        } else {
            axis.name = new Model.Key(arguments.get(0), stringLiteralOrEmpty(arguments.get(0)));
        }
    }

    private Model.When parseWhen(Statement section) {
        Model.When when = new Model.When(section);
        for (Statement statement : requiredBlock(section, "when").statements()) {
            MethodCallExpression call = Ast.call(statement);
            if (call == null) {
                problems.error(section, "Expected a when condition");
                continue;
            }
            String name = methodName(call);
            switch (name) {
                case "beforeAgent", "beforeInput", "beforeOptions" -> when.before.put(name, parseBoolean(statement));
                default -> when.conditions.add(parseCondition(statement));
            }
        }
        return when;
    }

    private Model.WhenContent parseCondition(Statement statement) {
        Model.Condition condition = new Model.Condition(statement);
        MethodCallExpression call = Ast.call(statement);
        if (call == null) {
            problems.error(statement, "Expected a when condition");
            return condition;
        }
        String name = methodName(call);
        if (name.equals("expression")) {
            return steps.parseCodeBlock(statement, name, "When");
        }
        condition.name = name;
        condition.call = call;
        List<Expression> arguments = arguments(call);
        Ast.Block block = Ast.block(statement);
        if (block == null) {
            condition.arguments = steps.parseArguments(arguments);
            return condition;
        }
        if (arguments.size() > 1) {
            condition.arguments = steps.parseArguments(arguments.subList(0, arguments.size() - 1));
        }
        block.statements().forEach(child -> condition.children.add(parseCondition(child)));
        return condition;
    }
}
