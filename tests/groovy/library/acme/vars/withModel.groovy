def call(String name, Closure body) {
    withEnv(["MODEL=${name}"]) {
        body()
    }
}
