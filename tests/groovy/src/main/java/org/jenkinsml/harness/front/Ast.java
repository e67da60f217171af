package org.jenkinsml.harness.front;

import java.util.List;
import org.codehaus.groovy.ast.ASTNode;
import org.codehaus.groovy.ast.expr.ClosureExpression;
import org.codehaus.groovy.ast.expr.ConstantExpression;
import org.codehaus.groovy.ast.expr.Expression;
import org.codehaus.groovy.ast.expr.MethodCallExpression;
import org.codehaus.groovy.ast.expr.TupleExpression;
import org.codehaus.groovy.ast.expr.VariableExpression;
import org.codehaus.groovy.ast.stmt.BlockStatement;
import org.codehaus.groovy.ast.stmt.ExpressionStatement;
import org.codehaus.groovy.ast.stmt.Statement;
import org.codehaus.groovy.control.SourceUnit;

/** What the declarative syntax is made of in terms of Groovy: statements that are calls, most of them with a block. */
final class Ast {

    /** A call {@code name(arguments..) { body }} on the script itself. */
    record Block(MethodCallExpression call, String name, ClosureExpression body) {

        /** The n-th argument, the body included, or null. */
        Expression argument(int n) {
            List<Expression> arguments = arguments(call);
            return n < arguments.size() ? arguments.get(n) : null;
        }

        List<Statement> statements() {
            return Ast.statements(body.getCode());
        }
    }

    private Ast() {
    }

    /** The call that the statement consists of, or null. */
    static MethodCallExpression call(Statement statement) {
        return statement instanceof ExpressionStatement s && s.getExpression() instanceof MethodCallExpression call
                ? call : null;
    }

    /** The name of a method called on the script, or null when it is called on something else. */
    static String methodName(MethodCallExpression call) {
        return call.getObjectExpression() instanceof VariableExpression v && v.getName().equals("this")
                ? call.getMethodAsString() : null;
    }

    /** The call with a block that the statement consists of, or null. */
    static Block block(Statement statement) {
        MethodCallExpression call = call(statement);
        if (call == null || methodName(call) == null) {
            return null;
        }
        List<Expression> arguments = arguments(call);
        return !arguments.isEmpty() && arguments.get(arguments.size() - 1) instanceof ClosureExpression body
                ? new Block(call, methodName(call), body) : null;
    }

    static List<Expression> arguments(MethodCallExpression call) {
        return ((TupleExpression) call.getArguments()).getExpressions();
    }

    static List<Statement> statements(Statement code) {
        return code instanceof BlockStatement block ? block.getStatements() : List.of(code);
    }

    /** The text of a constant string or of a bare word, else null. */
    static String literal(Expression expression) {
        if (expression instanceof ConstantExpression constant) {
            return constant.getValue() instanceof String text ? text : null;
        }
        return expression instanceof VariableExpression variable ? variable.getName() : null;
    }

    /** The source text of a node; a block reaches from its first to its last statement. */
    static String sourceText(ASTNode node, SourceUnit source) {
        int line = node.getLineNumber();
        int column = node.getColumnNumber();
        int lastLine = node.getLastLineNumber();
        int lastColumn = node.getLastColumnNumber();
        if (node instanceof BlockStatement block) {
            for (Statement statement : block.getStatements()) {
                if (statement.getLineNumber() < line) {
                    line = statement.getLineNumber();
                    column = statement.getColumnNumber();
                }
                if (statement.getLastLineNumber() > lastLine) {
                    lastLine = statement.getLastLineNumber();
                    lastColumn = statement.getLastColumnNumber();
                }
            }
        }
        StringBuilder text = new StringBuilder();
        for (int n = line; n <= lastLine; n++) {
            String content = n < 1 ? null : source.getSource().getLine(n, null);
            if (content == null) {
                throw new ServerException("Unable to get source line " + n);
            }
            int end = n == lastLine ? Math.min(lastColumn - 1, content.length()) : content.length();
            int start = n == line ? Math.min(column - 1, end) : 0;
            text.append(content, start, end).append('\n');
        }
        return text.toString().trim();
    }
}
