package pocketavatar

/** Parses the JSON of golden files to maps, lists, strings, doubles, booleans and null. */
fun parseJson(text: String): Any? = JsonParser(text).parse()

private class JsonParser(
    private val text: String,
) {
    private var at = 0

    fun parse(): Any? {
        skipSpace()
        return when (val next = text[at]) {
            '{' -> members().toMap()
            '[' -> items(']') { parse() }
            '"' -> string()
            't' -> word("true", true)
            'f' -> word("false", false)
            'n' -> word("null", null)
            else -> number(next)
        }
    }

    private fun members(): List<Pair<String, Any?>> =
        items('}') {
            skipSpace()
            val key = string()
            skipSpace()
            check(text[at++] == ':')
            key to parse()
        }

    private fun <T> items(end: Char, item: () -> T): List<T> {
        val items = ArrayList<T>()
        at++
        skipSpace()
        if (text[at] == end) return items.also { at++ }
        while (true) {
            items += item()
            skipSpace()
            when (text[at++]) {
                end -> return items
                ',' -> continue
                else -> error("expected , or $end at ${at - 1}")
            }
        }
    }

    private fun string(): String {
        check(text[at++] == '"')
        val out = StringBuilder()
        while (text[at] != '"') {
            val next = text[at++]
            out.append(if (next == '\\') escaped() else next)
        }
        at++
        return out.toString()
    }

    private fun escaped(): Char =
        when (val next = text[at++]) {
            'n' -> '\n'
            't' -> '\t'
            'u' ->
                text
                    .substring(at, at + 4)
                    .toInt(16)
                    .toChar()
                    .also { at += 4 }
            else -> next
        }

    private fun <T> word(word: String, value: T): T {
        check(text.startsWith(word, at))
        at += word.length
        return value
    }

    private fun number(first: Char): Double {
        check(first == '-' || first.isDigit()) { "unexpected $first at $at" }
        val start = at
        while (at < text.length && text[at] in "+-.eE0123456789") at++
        return text.substring(start, at).toDouble()
    }

    private fun skipSpace() {
        while (text[at].isWhitespace()) at++
    }
}
