def call(String name = 'world') {
    echo "hello ${name}"
}
