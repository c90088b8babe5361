package pocketavatar

import org.junit.Assume.assumeTrue
import java.awt.image.BufferedImage
import java.io.File
import java.io.FileNotFoundException
import java.nio.ByteBuffer
import java.nio.FloatBuffer
import javax.imageio.ImageIO
import kotlin.math.log10
import kotlin.random.Random

/** Returns the folder of the artifact. It skips the test if there is none. */
fun artifactFolder(): File {
    val known = System.getenv("AVATAR_ARTIFACT") ?: "../../dist/onnx"
    val folder = listOf("artifact", known).map(sdkRoot::resolve).find(File::isDirectory)
    assumeTrue("no artifact: set AVATAR_ARTIFACT, or make dist/onnx", folder != null)
    return checkNotNull(folder)
}

/** Returns the artifact's own golden vectors. */
fun artifactGolden(name: String): Map<String, GoldenTensor> {
    val published = sdkRoot.resolve("golden/artifact/$name")
    return readSafetensors(if (published.exists()) published else artifactFolder().resolve("golden/$name"))
}

/** A style of the free tier, if the artifact has one. */
val freeStyle: AvatarStyle = AvatarStyle.entries.minBy { it.tier }

/** A style of the Plus tier. It skips the test if the artifact has none. */
val plusStyle: AvatarStyle
    get() {
        val style = AvatarStyle.entries.find { it.tier == Tier.PLUS }
        assumeTrue("the artifact has no Plus style", style != null)
        return checkNotNull(style)
    }

/** Reads a PNG file. The pixels are in stored order and in sRGB. */
fun readPng(file: File, orientation: Int = 1): PixelPicture {
    val image = ImageIO.read(file)
    return PixelPicture(image.width, image.height, image.argb(), orientation)
}

fun BufferedImage.argb(): IntArray = getRGB(0, 0, width, height, null, 0, width)

/** A side of pictures that is large enough for the rules, and not the encoder's own. */
val enoughPixels: Int =
    Bundled.manifest.run {
        val least = rules.find { it.rule == SelfieRule.SIDE }?.min ?: 0.0
        maxOf(160, selfies.shape.last() + 32, least.toInt() + 32)
    }

/** Returns a selfie of coloured tiles that follows every rule. Another seed gives another selfie. */
fun tiles(seed: Int, width: Int = enoughPixels, height: Int = enoughPixels * 5 / 4): Selfie =
    Selfie {
        val random = Random(seed)
        val colours = IntArray(64 * 64) { random.nextInt() or (255 shl 24) }
        val pixels = IntArray(width * height) { colours[it / width / 8 % 64 * 64 + it % width / 8 % 64] }
        PixelPicture(width, height, pixels)
    }

/** Returns a selfie of one colour. */
fun plain(colour: Int, width: Int = enoughPixels, height: Int = enoughPixels): Selfie =
    Selfie { PixelPicture(width, height, IntArray(width * height) { colour or (255 shl 24) }) }

/** Returns the PSNR in dB, with peak 1. */
fun psnr(a: DoubleArray, b: DoubleArray): Double {
    check(a.size == b.size)
    val squares = a.indices.sumOf { (a[it] - b[it]) * (a[it] - b[it]) }
    return -10 * log10(squares / a.size)
}

/** Converts `0xFFRRGGBB` to (3,h,w) in [0,1]. */
fun planes(pixels: IntArray): DoubleArray {
    val count = pixels.size
    return DoubleArray(3 * count) { (pixels[it % count] shr (16 - 8 * (it / count)) and 255) / 255.0 }
}

fun FloatBuffer.toDoubles(): DoubleArray = DoubleArray(capacity()) { this[it].toDouble() }

/** Keeps a reference to every buffer that it allocated. */
class WatchedAllocator : BufferAllocator {
    private val direct = ArrayList<ByteBuffer>()
    private val ints = ArrayList<IntArray>()

    override fun direct(count: Int): ByteBuffer = super.direct(count).also(direct::add)

    override fun ints(count: Int): IntArray = super.ints(count).also(ints::add)

    /** Returns the number of buffers that are not all 0. */
    fun used(): Int =
        direct.count { buffer -> (0 until buffer.capacity()).any { buffer[it] != 0.toByte() } } +
            ints.count { all -> all.any { it != 0 } }
}

/** Returns a copy with some values replaced, which takes centre squares if nothing else is said. */
internal fun Manifest.with(
    schemaVersion: Int = this.schemaVersion,
    samplers: List<SamplerTable> = this.samplers,
    rules: List<RuleLimits> = this.rules,
    components: List<Component> = this.components,
    files: List<ModelFile> = this.files,
    preview: LatentPreview? = this.preview,
    takesAlignedFaces: Boolean = false,
): Manifest = Manifest(schemaVersion, components, samplers, rules, files, preview, takesAlignedFaces)

/** Returns a copy whose inputs `selfies` and `selfie_mask`, if it has them, have this many [places]. */
internal fun Component.with(places: Int): Component {
    val roomy =
        inputs.map { input ->
            if (!input.name.startsWith("selfie")) return@map input
            TensorSpec(input.name, listOf(places) + input.shape.drop(1), input.elementType)
        }
    return Component(name, path, roomy, outputs)
}

/**
 * The bundled manifest with tables for two steps, which is the default, one step and four steps, and
 * with places for ten selfies.
 */
internal val testManifest: Manifest =
    Bundled.manifest.with(
        samplers = listOf(steps(2), steps(1), steps(4)),
        components = Bundled.manifest.components.map { it.with(places = 10) },
        rules =
            Bundled.manifest.rules.map {
                if (it.rule == SelfieRule.COUNT) RuleLimits(it.rule, 1.0, 10.0, it.about) else it
            },
    )

internal fun steps(count: Int, guidance: Float = 1f): SamplerTable {
    val sigmas = List(count + 1) { 1 - it.toFloat() / count }
    return SamplerTable("velocity", guidance, sigmas.dropLast(1).map { 1000 * it }, sigmas)
}

/** Returns a studio that needs no artifact. */
internal fun studio(
    manifest: Manifest = testManifest,
    options: StudioOptions = StudioOptions(backend = FakeBackend()),
): AvatarStudio = AvatarStudio(manifest, options, Artifact(manifest) { throw FileNotFoundException(it) })
