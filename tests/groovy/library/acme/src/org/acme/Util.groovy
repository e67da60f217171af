package org.acme

class Util implements Serializable {
    private static final long serialVersionUID = 1

    static String shout(String text) {
        return text.toUpperCase() + '!'
    }
}
