def call(Map config = [:]) {
    def gate = readJSON text: libraryResource('org/acme/gate.json')
    def minimum = config.minimum ?: gate.minimum
    if ((config.value as BigDecimal) < (minimum as BigDecimal)) {
        unstable "gate: ${config.value} is below ${minimum}"
    }
}
