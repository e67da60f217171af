def hello(String name) {
    echo "hello ${name}"
}

return this
