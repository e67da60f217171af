package org.jenkinsml.harness.front;

import static org.jenkinsml.harness.front.Ast.arguments;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.codehaus.groovy.ast.ASTNode;
import org.codehaus.groovy.ast.expr.BinaryExpression;
import org.codehaus.groovy.ast.expr.ConstantExpression;
import org.codehaus.groovy.ast.expr.Expression;
import org.codehaus.groovy.ast.expr.GStringExpression;
import org.codehaus.groovy.ast.expr.MapExpression;
import org.codehaus.groovy.ast.expr.MethodCallExpression;
import org.codehaus.groovy.ast.expr.VariableExpression;
import org.codehaus.groovy.ast.stmt.Statement;
import org.codehaus.groovy.control.SourceUnit;

/**
 * The parts that all of the syntax is read by: blocks of sections, names, constants and values. What is not of the
 * expected form is reported and replaced by something that lets reading go on.
 */
abstract class SyntaxReader {

    /** The name that an unreadable one gets, so that reading goes on. */
    private static final String UNREADABLE = "error";

    private static final BigInteger LONG_MAX = BigInteger.valueOf(Long.MAX_VALUE);
    private static final BigInteger LONG_MIN = BigInteger.valueOf(Long.MIN_VALUE);

    final SourceUnit source;
    final Catalog catalog;
    final Problems problems;

    SyntaxReader(SourceUnit source, Catalog catalog, Problems problems) {
        this.source = source;
        this.catalog = catalog;
        this.problems = problems;
    }

    /** Reads one section of a block, given its statement and name. */
    interface SectionReader {
        void read(Statement section, String name);
    }

    /**
     * Reads the sections of a block, each of which may occur once.
     *
     * @param owner where errors are reported, null for at the section itself
     * @param title what the sections are called in an error
     */
    void sections(Ast.Block block, ASTNode owner, String title, SectionReader reader) {
        Set<String> seen = new HashSet<>();
        for (Statement section : block.statements()) {
            ASTNode at = owner == null ? section : owner;
            MethodCallExpression call = Ast.call(section);
            if (call == null) {
                problems.error(at, "Not a valid " + title + " definition: \"" + sourceText(section)
                        + "\". Some extra configuration is required.");
                continue;
            }
            String name = methodName(call);
            if (!seen.add(name)) {
                problems.error(at, "Multiple occurrences of the " + name + " section");
            }
            reader.read(section, name);
        }
    }

    void undefinedSection(Statement section, String name) {
        problems.error(section, "Undefined section \"" + name + "\"");
    }

    /** The block of a section, or null and an error. */
    Ast.Block blockFor(Statement section, String name) {
        Ast.Block block = Ast.block(section);
        if (block == null) {
            problems.error(section, "Expected a block for " + name);
        }
        return block;
    }

    /** The block of a section where the plugin relies on there being one. */
    static Ast.Block requiredBlock(Statement section, String name) {
        Ast.Block block = Ast.block(section);
        if (block == null) {
            throw new ServerException("Cannot read the block of " + name + ": there is none");
        }
        return block;
    }

    Boolean parseBoolean(Statement section) {
        MethodCallExpression call = Ast.call(section);
        List<Expression> arguments = arguments(call);
        return booleanConstant(arguments.isEmpty() ? null : arguments.get(0), call.getMethod(), methodName(call));
    }

    Boolean booleanConstant(Expression value, ASTNode at, String name) {
        if (value instanceof ConstantExpression constant && constant.getValue() instanceof Boolean bool) {
            return bool;
        }
        problems.error(at, "Expected a boolean with " + name);
        return null;
    }

    boolean hasNoParameters(String agentType) {
        Describable agent = catalog.agents().get(agentType);
        return agent != null && agent.parameters().isEmpty();
    }

    Model.Value value(Expression expression) {
        if (expression instanceof ConstantExpression constant) {
            return new Model.Value(expression, number(constant), true);
        }
        if (expression instanceof GStringExpression || expression instanceof MapExpression) {
            return new Model.Value(expression, sourceText(expression), false);
        }
        if (expression instanceof VariableExpression variable && hasNoParameters(variable.getName())) {
            return new Model.Value(expression, variable.getName(), true);
        }
        String text = expression instanceof BinaryExpression binary
                ? sourceText(binary.getLeftExpression()) + binary.getOperation().getText()
                        + sourceText(binary.getRightExpression())
                : sourceText(expression);
        if (text.startsWith("${")) {
            problems.error(expression, text + " cannot be used as a value directly. Did you mean \"" + text + "\"?");
        }
        return new Model.Value(expression, "${" + text + "}", false);
    }

    /** The value of a constant; numbers are those that the model has. */
    Object number(ConstantExpression constant) {
        Object value = constant.getValue();
        if (value instanceof BigDecimal decimal) {
            return decimal.doubleValue();
        }
        if (!(value instanceof BigInteger integer)) {
            return value;
        }
        if (integer.compareTo(LONG_MAX) > 0 || integer.compareTo(LONG_MIN) < 0) {
            problems.error(constant, "BigIntegers cannot be used as constants in Declarative. The maximum value for an "
                    + "integer is 9,223,372,036,854,775,807 and the minimum value for an integer is "
                    + "-9,223,372,036,854,775,808.");
            return -1;
        }
        return integer.longValue();
    }

    Model.Key key(Expression expression) {
        return new Model.Key(expression, stringLiteral(expression));
    }

    String stringLiteral(Expression expression) {
        String text = stringLiteralOrEmpty(expression);
        return text.isEmpty() ? UNREADABLE : text;
    }

    String stringLiteralOrEmpty(Expression expression) {
        String text = Ast.literal(expression);
        if (text == null) {
            problems.error(expression, "Expected string literal");
            return "";
        }
        return text;
    }

    /** The name of the method that is called on the script, which it has to be. */
    String methodName(MethodCallExpression call) {
        String name = Ast.methodName(call);
        if (name != null) {
            return name;
        }
        boolean onVariable = call.getObjectExpression() instanceof VariableExpression v && !v.isThisExpression();
        problems.error(call, onVariable ? "Method calls on objects not allowed outside \"script\" blocks."
                : "Expected a symbol");
        return UNREADABLE;
    }

    String sourceText(ASTNode node) {
        return Ast.sourceText(node, source);
    }
}
