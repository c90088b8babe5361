package pocketavatar

import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder

/** One tensor of a golden file. [values] are doubles for every element type. */
class GoldenTensor(
    val shape: List<Int>,
    val values: DoubleArray,
)

/** Reads a safetensors file: eight bytes of header length, a JSON header, raw little-endian data. */
fun readSafetensors(file: File): Map<String, GoldenTensor> {
    val bytes = ByteBuffer.wrap(file.readBytes()).order(ByteOrder.LITTLE_ENDIAN)
    val length = bytes.getLong().toInt()
    val header = String(ByteArray(length).also { bytes.get(it) })
    val data = bytes.slice().order(ByteOrder.LITTLE_ENDIAN)
    val tensors = (parseJson(header) as Map<*, *>).filterKeys { it != "__metadata__" }
    return tensors.entries.associate { (name, entry) -> name as String to tensor(entry as Map<*, *>, data) }
}

private fun tensor(entry: Map<*, *>, data: ByteBuffer): GoldenTensor {
    val shape = ints(entry["shape"])
    val start = ints(entry["data_offsets"]).first()
    val count = shape.fold(1, Int::times)
    val read: (Int) -> Double =
        when (val type = entry["dtype"]) {
            "F32" -> { i -> data.getFloat(start + 4 * i).toDouble() }
            "F16" -> { i -> halfToDouble(data.getShort(start + 2 * i).toInt() and 0xFFFF) }
            "F64" -> { i -> data.getDouble(start + 8 * i) }
            "I32" -> { i -> data.getInt(start + 4 * i).toDouble() }
            "U8" -> { i -> (data.get(start + i).toInt() and 255).toDouble() }
            else -> error("no reader for $type")
        }
    return GoldenTensor(shape, DoubleArray(count, read))
}

private fun ints(value: Any?): List<Int> = (value as List<*>).map { (it as Double).toInt() }

/** Converts a finite IEEE 754 binary16 number. */
private fun halfToDouble(bits: Int): Double {
    val exponent = bits shr 10 and 31
    val fraction = bits and 1023
    val size = if (exponent == 0) Math.scalb(fraction.toDouble(), -24) else Math.scalb(fraction + 1024.0, exponent - 25)
    return if (bits shr 15 == 0) size else -size
}
