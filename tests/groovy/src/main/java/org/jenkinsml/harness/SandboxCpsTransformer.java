package org.jenkinsml.harness;

import com.cloudbees.groovy.cps.CpsTransformer;
import com.cloudbees.groovy.cps.TransformerConfiguration;
import com.cloudbees.groovy.cps.sandbox.Untrusted;
import org.codehaus.groovy.ast.ClassCodeExpressionTransformer;
import org.codehaus.groovy.ast.ClassNode;
import org.codehaus.groovy.ast.FieldNode;
import org.codehaus.groovy.ast.MethodNode;
import org.codehaus.groovy.ast.stmt.Statement;
import org.codehaus.groovy.classgen.GeneratorContext;
import org.codehaus.groovy.control.SourceUnit;
import org.kohsuke.groovy.sandbox.SandboxTransformer;

/**
 * The CPS transformation of code that is not trusted: marks its calls for the sandbox, and puts the parts that stay
 * ordinary Groovy into the sandbox as well. The one that comes with groovy-cps needs a newer groovy-sandbox than there
 * is to be had.
 */
final class SandboxCpsTransformer extends CpsTransformer {

    private final SandboxTransformer sandbox = new SandboxTransformer();
    private ClassCodeExpressionTransformer visitor;

    SandboxCpsTransformer() {
        setConfiguration(new TransformerConfiguration().withClosureType(JenkinsClosure.class));
    }

    @Override
    public void call(SourceUnit source, GeneratorContext context, ClassNode classNode) {
        visitor = sandbox.createVisitor(source, classNode);
        super.call(source, context, classNode);
    }

    @Override
    protected void processConstructors(ClassNode classNode) {
        sandbox.processConstructors(visitor, classNode);
        super.processConstructors(classNode);
    }

    @Override
    protected void visitNontransformedMethod(MethodNode method) {
        visitor.visitMethod(method);
    }

    @Override
    protected void visitNontransformedField(FieldNode field) {
        visitor.visitField(field);
    }

    @Override
    protected void visitNontransformedStatement(Statement statement) {
        statement.visit(visitor);
    }

    @Override
    @SuppressWarnings("rawtypes")
    protected Class getTrustTag() {
        return Untrusted.class;
    }
}
