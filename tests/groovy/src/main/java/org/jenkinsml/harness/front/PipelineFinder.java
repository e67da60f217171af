package org.jenkinsml.harness.front;

import static org.jenkinsml.harness.front.Ast.arguments;

import java.util.ArrayList;
import java.util.List;
import org.codehaus.groovy.ast.CodeVisitorSupport;
import org.codehaus.groovy.ast.MethodNode;
import org.codehaus.groovy.ast.ModuleNode;
import org.codehaus.groovy.ast.stmt.ExpressionStatement;
import org.codehaus.groovy.ast.stmt.Statement;

/**
 * Finds the pipelines of a script: the first one among its statements, else those in its method {@code call} (a
 * variable of a library). Elsewhere a pipeline is not looked for, but one in a block of another call is an error.
 */
final class PipelineFinder {

    private PipelineFinder() {
    }

    static List<Statement> find(ModuleNode script, Problems problems) {
        List<Statement> statements = script.getStatementBlock().getStatements();
        for (Statement statement : statements) {
            if (isPipeline(statement)) {
                return List.of(statement);
            }
        }
        for (MethodNode method : script.getMethods()) {
            if (method.getName().equals("call")) {
                List<Statement> found = pipelinesIn(method.getCode());
                if (!found.isEmpty()) {
                    return found;
                }
                break;
            }
        }
        statements.forEach(statement -> rejectNestedPipeline(statement, problems));
        return List.of();
    }

    private static boolean isPipeline(Statement statement) {
        Ast.Block block = Ast.block(statement);
        return block != null && block.name().equals("pipeline") && arguments(block.call()).size() == 1;
    }

    private static List<Statement> pipelinesIn(Statement code) {
        List<Statement> found = new ArrayList<>();
        code.visit(new CodeVisitorSupport() {
            @Override
            public void visitExpressionStatement(ExpressionStatement statement) {
                if (isPipeline(statement) && hasCall(statement, "agent") && hasCall(statement, "stages")) {
                    found.add(statement);
                } else {
                    super.visitExpressionStatement(statement);
                }
            }
        });
        return found;
    }

    private static boolean hasCall(Statement pipeline, String name) {
        return Ast.block(pipeline).statements().stream().map(Ast::call)
                .anyMatch(call -> call != null && name.equals(Ast.methodName(call)));
    }

    private static void rejectNestedPipeline(Statement statement, Problems problems) {
        Ast.Block block = Ast.block(statement);
        if (block != null) {
            if (block.name().equals("pipeline")) {
                problems.error(statement, "pipeline block must be at the top-level, not within another block.");
            }
            block.statements().forEach(inner -> rejectNestedPipeline(inner, problems));
        }
    }
}
