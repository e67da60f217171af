def value() {
    return 'held'
}
