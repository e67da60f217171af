package org.jenkinsml.harness.front;

import org.codehaus.groovy.ast.ASTNode;
import org.codehaus.groovy.control.SourceUnit;
import org.codehaus.groovy.syntax.SyntaxException;

/** Collects errors as compile errors of the source, with the place they are about. */
final class Problems {

    private final SourceUnit source;
    private int count;

    Problems(SourceUnit source) {
        this.source = source;
    }

    void error(ASTNode at, String message) {
        ASTNode place = at == null ? new ASTNode() : at;
        count++;
        source.addError(new SyntaxException(message, place.getLineNumber(), place.getColumnNumber(),
                place.getLastLineNumber(), place.getLastColumnNumber()));
    }

    boolean none() {
        return count == 0;
    }
}
