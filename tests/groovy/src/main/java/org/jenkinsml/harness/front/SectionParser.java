package org.jenkinsml.harness.front;

import static org.jenkinsml.harness.front.Ast.arguments;

import java.util.List;
import org.codehaus.groovy.ast.ASTNode;
import org.codehaus.groovy.ast.expr.BinaryExpression;
import org.codehaus.groovy.ast.expr.ClosureExpression;
import org.codehaus.groovy.ast.expr.ConstantExpression;
import org.codehaus.groovy.ast.expr.Expression;
import org.codehaus.groovy.ast.expr.GStringExpression;
import org.codehaus.groovy.ast.expr.MapEntryExpression;
import org.codehaus.groovy.ast.expr.MapExpression;
import org.codehaus.groovy.ast.expr.MethodCallExpression;
import org.codehaus.groovy.ast.stmt.ExpressionStatement;
import org.codehaus.groovy.ast.stmt.Statement;
import org.codehaus.groovy.control.SourceUnit;
import org.codehaus.groovy.syntax.Types;

/**
 * Reads the sections that say how to run: agent, environment, tools, libraries, options, triggers, parameters, input.
 */
final class SectionParser extends SyntaxReader {

    SectionParser(SourceUnit source, Catalog catalog, Problems problems) {
        super(source, catalog, problems);
    }

    Model.Agent parseAgent(Statement section) {
        Model.Agent agent = new Model.Agent(section);
        MethodCallExpression call = Ast.call(section);
        Ast.Block block = Ast.block(section);
        if (block != null) {
            parseAgentBlock(block, agent);
            return agent;
        }
        List<Expression> arguments = arguments(call);
        if (arguments.isEmpty()) {
            problems.error(section, "No argument for agent");
            return agent;
        }
        Model.Key type = arguments.size() == 1 ? key(arguments.get(0)) : null;
        if (type != null && hasNoParameters(type.text())) {
            agent.type = type;
        } else {
            problems.error(section, "Only \"agent none\", \"agent any\" or \"agent {...}\" are allowed.");
        }
        return agent;
    }

    private void parseAgentBlock(Ast.Block block, Model.Agent agent) {
        List<Statement> statements = block.statements();
        MethodCallExpression typeCall = statements.isEmpty() ? null : Ast.call(statements.get(0));
        if (statements.size() > 1) {
            problems.error(agent.at, "Only one agent type is allowed per agent section");
        } else if (typeCall == null) {
            problems.error(agent.at, "Expected an agent");
        } else {
            Model.Key type = key(typeCall.getMethod());
            agent.settings = parseSettings(block.body()).nested.get(type.text());
            boolean labelWithSettings = agent.settings != null && type.text().equals("label");
            agent.type = labelWithSettings ? new Model.Key(type.at(), "node") : type;
            agent.argument = arguments(typeCall).size() == 1 ? arguments(typeCall).get(0) : null;
        }
    }

    private Model.Settings parseSettings(ClosureExpression body) {
        Model.Settings settings = new Model.Settings(body);
        for (Statement statement : Ast.statements(body.getCode())) {
            MethodCallExpression call = Ast.call(statement);
            if (call == null) {
                problems.error(body, "Expected to find ‘someKey \"someValue\"’");
                continue;
            }
            Model.Key key = key(call.getMethod());
            List<Expression> arguments = arguments(call);
            if (arguments.size() != 1) {
                problems.error(key.at(), (arguments.isEmpty() ? "No argument" : "Too many arguments")
                        + " for map key \"" + key.text() + "\"");
                continue;
            }
            settings.keys.put(key.text(), key.at());
            if (arguments.get(0) instanceof ClosureExpression nested) {
                settings.nested.put(key.text(), parseSettings(nested));
            } else {
                value(arguments.get(0));
            }
        }
        return settings;
    }

    Model.Environment parseEnvironment(Statement section) {
        Model.Environment environment = new Model.Environment(section);
        Ast.Block block = blockFor(section, "environment");
        if (block == null) {
            return environment;
        }
        boolean otherStatements = false;
        for (Statement statement : block.statements()) {
            Expression expression = statement instanceof ExpressionStatement s ? s.getExpression() : null;
            if (expression instanceof BinaryExpression binary && binary.getOperation().getType() == Types.EQUAL) {
                parseVariable(binary, environment);
                continue;
            }
            otherStatements = true;
            if (expression != null) {
                String text = sourceText(expression);
                problems.error(expression, text.contains("=")
                        ? notAnIdentifier(text.substring(0, text.indexOf('=')).trim())
                        : "\"" + text + "\" is not a valid environment expression. Use \"key = value\" pairs with "
                                + "valid Java/shell keys.");
            }
        }
        if (otherStatements) {
            problems.error(section, "Expected name=value pairs");
        }
        return environment;
    }

    private void parseVariable(BinaryExpression assignment, Model.Environment environment) {
        Model.Key key = key(assignment.getLeftExpression());
        Expression value = assignment.getRightExpression();
        if (environment.names.containsKey(key.text())) {
            problems.error(key.at(), "Duplicate environment variable name: \"" + key.text() + "\"");
            return;
        }
        if (isString(value)) {
            value(value);
        } else if (value instanceof MethodCallExpression call) {
            checkCredentials(call);
        } else if (value instanceof BinaryExpression sum) {
            if (!isSum(sum)) {
                problems.error(value, "Environment variable values can only be joined together with ‘+’s.");
                return;
            }
            if (!checkSum(sum)) {
                return;
            }
        } else {
            problems.error(value, "Environment variable values must either be single quoted, double quoted, or "
                    + "function calls.");
            return;
        }
        environment.names.put(key.text(), key);
        environment.values.put(key.text(), value);
    }

    private static boolean isString(Expression value) {
        return value instanceof ConstantExpression || value instanceof GStringExpression;
    }

    private static boolean isSum(BinaryExpression expression) {
        return expression.getOperation().getType() == Types.PLUS;
    }

    /** Checks that only strings are joined; false when it is not even a sum. */
    private boolean checkSum(BinaryExpression sum) {
        if (sum.getLeftExpression() instanceof BinaryExpression left) {
            if (!isSum(left)) {
                problems.error(left, "Environment variable values can only be joined together with ‘+’s.");
                return false;
            }
            if (!checkSum(left)) {
                return false;
            }
        } else {
            checkSummand(sum.getLeftExpression());
        }
        checkSummand(sum.getRightExpression());
        return true;
    }

    private void checkSummand(Expression value) {
        if (isString(value)) {
            value(value);
        } else {
            problems.error(value, "Environment variable values to be concatenated together must be single or double "
                    + "quoted.");
        }
    }

    private void checkCredentials(MethodCallExpression call) {
        if (!"credentials".equals(Ast.methodName(call))) {
            value(call);
            return;
        }
        for (Expression argument : arguments(call)) {
            if (isString(argument)) {
                value(argument);
            } else {
                problems.error(call, "Internal function call parameters must be strings.");
            }
        }
    }

    static String notAnIdentifier(String name) {
        return "\"" + name + "\" is not a valid identifier and cannot be used for an environment variable. "
                + "Identifiers must start with a letter or underscore and can contain only letters, numbers or "
                + "underscores.";
    }

    Model.Libraries parseLibraries(Statement section) {
        Model.Libraries libraries = new Model.Libraries(section);
        Ast.Block block = blockFor(section, "libraries");
        if (block == null) {
            return libraries;
        }
        for (Statement statement : block.statements()) {
            MethodCallExpression call = Ast.call(statement);
            if (call == null || !"lib".equals(call.getMethodAsString())) {
                problems.error(section, "Expected a \"lib(...)\" but got " + sourceText(statement));
            } else if (Ast.block(statement) != null) {
                problems.error(statement, "Libraries definitions cannot have blocks");
            } else {
                List<Model.Argument> arguments = parseCall(call, "lib").arguments;
                if (arguments.size() == 1 && arguments.get(0) instanceof Model.Value identifier) {
                    libraries.identifiers.add(identifier);
                } else {
                    problems.error(call, "Expected a \"lib(...)\" but got " + sourceText(call));
                }
            }
        }
        return libraries;
    }

    Model.Tools parseTools(Statement section) {
        Model.Tools tools = new Model.Tools(section);
        Ast.Block block = blockFor(section, "tools");
        if (block == null) {
            return tools;
        }
        for (Statement statement : block.statements()) {
            MethodCallExpression call = Ast.call(statement);
            if (call == null) {
                problems.error(section, "Expected to find ‘someTool \"someVersion\"’");
                continue;
            }
            Model.Key type = key(call.getMethod());
            List<Expression> arguments = arguments(call);
            if (arguments.size() == 1) {
                tools.types.put(type.text(), type);
                tools.names.put(type.text(), value(arguments.get(0)));
            } else {
                problems.error(type.at(), (arguments.isEmpty() ? "No argument" : "Too many arguments")
                        + " for tool \"" + type.text() + "\"");
            }
        }
        return tools;
    }

    Model.Options parseOptions(Statement section, boolean inStage) {
        return parseCalls(section, "options", new Model.Options(section, inStage), "Options", "Expected an option");
    }

    Model.Calls parseTriggers(Statement section) {
        return parseCalls(section, "triggers", new Model.Calls(section), "Triggers", "Expected a trigger");
    }

    Model.Calls parseParameters(Statement section) {
        return parseCalls(section, "parameters", new Model.Calls(section), "Build parameters",
                "Expected a build parameter definition");
    }

    private <T extends Model.Calls> T parseCalls(Statement section, String name, T calls, String title,
                                                 String expected) {
        Ast.Block block = blockFor(section, name);
        if (block != null) {
            block.statements().forEach(statement -> calls.calls.add(parseCall(statement, title, expected)));
        }
        return calls;
    }

    private Model.Call parseCall(Statement statement, String title, String expected) {
        Model.Call result = new Model.Call(statement);
        MethodCallExpression call = Ast.call(statement);
        if (call == null) {
            boolean map = statement instanceof ExpressionStatement s && s.getExpression() instanceof MapExpression;
            problems.error(statement, map ? title + " cannot be defined as maps" : expected);
        } else if (Ast.block(statement) != null) {
            problems.error(statement, title + " definitions cannot have blocks");
        } else {
            readCall(call, methodName(call), result);
        }
        return result;
    }

    Model.Call parseCall(MethodCallExpression call, String name) {
        Model.Call result = new Model.Call(call);
        readCall(call, name, result);
        return result;
    }

    private void readCall(MethodCallExpression call, String name, Model.Call result) {
        result.name = name;
        result.call = call;
        for (Expression argument : arguments(call)) {
            if (argument instanceof MapExpression map) {
                for (MapEntryExpression entry : map.getMapEntryExpressions()) {
                    Model.Key key = key(entry.getKeyExpression());
                    result.arguments.add(new Model.Named(entry, key, callArgument(entry.getValueExpression(), entry)));
                }
            } else {
                Model.Argument value = callArgument(argument, call);
                if (value != null) {
                    result.arguments.add(value);
                }
            }
        }
    }

    private Model.Argument callArgument(Expression value, ASTNode at) {
        if (value instanceof ClosureExpression) {
            problems.error(at, "Method call arguments");
            return null;
        }
        return value instanceof MethodCallExpression call ? parseCall(call, methodName(call)) : value(value);
    }

    Model.Input parseInput(Statement statement) {
        Model.Input input = new Model.Input(statement);
        Ast.Block block = blockFor(statement, "input");
        if (block == null) {
            return input;
        }
        sections(block, statement, "section", (section, name) -> {
            MethodCallExpression call = Ast.call(section);
            Model.Key key = key(call.getMethod());
            List<Expression> arguments = arguments(call);
            if (arguments.size() != 1) {
                problems.error(key.at(), (arguments.isEmpty() ? "No argument" : "Too many arguments")
                        + " for field \"" + name + "\"");
                return;
            }
            switch (name) {
                case "message", "id", "ok", "submitter", "submitterParameter" ->
                        input.fields.put(name, value(arguments.get(0)));
                case "parameters" -> input.parameters.addAll(parseParameters(section).calls);
                default -> problems.error(key.at(), "Not a valid field for input: \"" + name + "\"");
            }
        });
        return input;
    }
}
