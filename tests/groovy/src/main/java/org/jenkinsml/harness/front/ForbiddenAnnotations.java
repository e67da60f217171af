package org.jenkinsml.harness.front;

import java.util.Set;
import org.codehaus.groovy.ast.ASTNode;
import org.codehaus.groovy.ast.AnnotatedNode;
import org.codehaus.groovy.ast.AnnotationNode;
import org.codehaus.groovy.ast.ClassCodeVisitorSupport;
import org.codehaus.groovy.ast.ClassNode;
import org.codehaus.groovy.ast.ImportNode;
import org.codehaus.groovy.classgen.GeneratorContext;
import org.codehaus.groovy.control.CompilePhase;
import org.codehaus.groovy.control.SourceUnit;
import org.codehaus.groovy.control.customizers.CompilationCustomizer;

/** Rejects the annotations that make the compiler run code or fetch it, as the server's sandbox does. */
public final class ForbiddenAnnotations extends CompilationCustomizer {

    private static final Set<String> NAMES = Set.of("ASTTest", "AnnotationCollector", "Grab", "GrabConfig",
            "GrabExclude", "GrabResolver", "Grapes");

    /** Before any annotation takes effect. */
    public ForbiddenAnnotations() {
        super(CompilePhase.CONVERSION);
    }

    @Override
    public void call(SourceUnit source, GeneratorContext context, ClassNode classNode) {
        for (ImportNode node : source.getAST().getImports()) {
            check(source, node, node.getType());
            node.getAnnotations().forEach(annotation -> check(source, annotation, annotation.getClassNode()));
        }
        new ClassCodeVisitorSupport() {
            @Override
            public void visitAnnotations(AnnotatedNode node) {
                for (AnnotationNode annotation : node.getAnnotations()) {
                    check(source, annotation, annotation.getClassNode());
                }
            }

            @Override
            protected SourceUnit getSourceUnit() {
                return source;
            }
        }.visitClass(classNode);
    }

    private static void check(SourceUnit source, ASTNode at, ClassNode type) {
        if (NAMES.contains(type.getNameWithoutPackage())) {
            new Problems(source).error(at, "Annotation " + type.getNameWithoutPackage()
                    + " cannot be used in the sandbox.");
        }
    }
}
