package org.jenkinsml.harness.front;

import static org.jenkinsml.harness.front.Ast.arguments;

import java.util.ArrayList;
import java.util.List;
import org.codehaus.groovy.ast.expr.ClosureExpression;
import org.codehaus.groovy.ast.expr.Expression;
import org.codehaus.groovy.ast.expr.MapEntryExpression;
import org.codehaus.groovy.ast.expr.MapExpression;
import org.codehaus.groovy.ast.expr.MethodCallExpression;
import org.codehaus.groovy.ast.expr.NamedArgumentListExpression;
import org.codehaus.groovy.ast.stmt.Statement;
import org.codehaus.groovy.control.SourceUnit;

/** Reads blocks of steps: those of stages, of {@code post}, and the arguments of steps. */
final class StepParser extends SyntaxReader {

    StepParser(SourceUnit source, Catalog catalog, Problems problems) {
        super(source, catalog, problems);
    }

    /** Reads the {@code steps} of a stage. */
    void parseSteps(Statement section, Model.Stage stage) {
        Ast.Block block = requiredBlock(section, "steps");
        stage.steps = block.body();
        List<Statement> statements = block.statements();
        MethodCallExpression only = statements.size() == 1 ? Ast.call(statements.get(0)) : null;
        if (only != null && "parallel".equals(Ast.methodName(only))) {
            parseParallelStep(only, stage);
        } else if (statements.size() != 1 || stage.branches.isEmpty()) {
            stage.branches.add(parseBranch("default", block.body()));
        }
    }

    /** The old way to run branches side by side: the step {@code parallel} as the only one of the stage. */
    private void parseParallelStep(MethodCallExpression call, Model.Stage stage) {
        stage.failFast = null;
        List<Expression> arguments = arguments(call);
        if (arguments.size() != 1 || !(arguments.get(0) instanceof NamedArgumentListExpression branches)) {
            return;
        }
        for (MapEntryExpression entry : branches.getMapEntryExpressions()) {
            if ("failFast".equals(Ast.literal(entry.getKeyExpression()))) {
                stage.failFast = booleanConstant(entry.getValueExpression(), entry.getKeyExpression(), "failFast");
            } else if (entry.getValueExpression() instanceof ClosureExpression body) {
                String name = stringLiteral(entry.getKeyExpression());
                stage.branches.removeIf(b -> b.name().equals(name));
                stage.branches.add(parseBranch(name, body));
            } else {
                problems.error(entry.getKeyExpression(), "Expected closure or failFast");
            }
        }
    }

    Model.Post parsePost(Statement section) {
        Model.Post post = new Model.Post(section);
        Ast.Block block = Ast.block(section);
        if (block == null) {
            problems.error(section, "Expected a block");
            return post;
        }
        for (Statement statement : block.statements()) {
            Ast.Block condition = Ast.block(statement);
            if (condition == null) {
                problems.error(statement, "The ‘post’ section can only contain build condition names with code blocks. "
                        + "Valid condition names are " + catalog.postConditions());
            } else {
                post.conditions.add(new Model.PostCondition(statement, condition.name(),
                        parseBranch("default", condition.body()), condition.body()));
            }
        }
        return post;
    }

    private Model.Branch parseBranch(String name, ClosureExpression body) {
        List<Model.Step> steps = Ast.statements(body.getCode()).stream().map(this::parseStep).toList();
        return new Model.Branch(body.getCode(), name, steps);
    }

    private Model.Step parseStep(Statement statement) {
        MethodCallExpression call = Ast.call(statement);
        if (call == null) {
            problems.error(statement, "Expected a step");
            return new Model.StepCall(statement, null, null, List.of());
        }
        String name = methodName(call);
        switch (name) {
            case "script" -> {
                return parseCodeBlock(statement, name, "Script");
            }
            case "expression" -> {
                return parseCodeBlock(statement, name, "When");
            }
            default -> {
                List<Expression> arguments = arguments(call);
                Ast.Block block = Ast.block(statement);
                if (block == null) {
                    return new Model.StepCall(statement, name,
                            nameSole(statement, name, parseArguments(arguments)), List.of());
                }
                Model.Arguments own = parseArguments(arguments.subList(0, arguments.size() - 1));
                return new Model.StepCall(statement, name, own,
                        block.statements().stream().map(this::parseStep).toList());
            }
        }
    }

    Model.CodeBlock parseCodeBlock(Statement statement, String name, String title) {
        Ast.Block block = Ast.block(statement);
        if (block == null) {
            problems.error(statement, title + " step without a block");
            return new Model.CodeBlock(statement, name, null, null);
        }
        String source = sourceText(block.body().getCode());
        return new Model.CodeBlock(statement, name, source, block.body());
    }

    Model.Arguments parseArguments(List<Expression> arguments) {
        if (arguments.isEmpty()) {
            return Model.Arguments.named(List.of());
        }
        if (arguments.size() > 1) {
            return new Model.Arguments(Model.Arguments.Kind.POSITIONAL, List.of(),
                    arguments.stream().map(this::value).toList());
        }
        if (arguments.get(0) instanceof MapExpression map) {
            List<Model.Named> named = new ArrayList<>();
            boolean instance = false; // [$class: ..] is a value, not named arguments
            for (MapEntryExpression entry : map.getMapEntryExpressions()) {
                Model.Key key = key(entry.getKeyExpression());
                instance |= key.text().equals("$class");
                named.add(new Model.Named(entry, key, value(entry.getValueExpression())));
            }
            if (!instance) {
                return Model.Arguments.named(named);
            }
        }
        return new Model.Arguments(Model.Arguments.Kind.SINGLE, List.of(), List.of(value(arguments.get(0))));
    }

    /** Gives a single argument of a known step without a block the name of the only required parameter. */
    private Model.Arguments nameSole(Statement statement, String step, Model.Arguments arguments) {
        Describable known = arguments.kind() == Model.Arguments.Kind.SINGLE ? catalog.stepOrSymbol(step) : null;
        if (known == null || known.block() || known.soleRequired() == null) {
            return arguments;
        }
        Model.Key key = new Model.Key(statement, known.soleRequired().name());
        return Model.Arguments.named(List.of(new Model.Named(statement, key, arguments.values().get(0))));
    }
}
