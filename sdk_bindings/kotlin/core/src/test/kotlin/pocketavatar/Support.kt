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

/** The artifact that this library was published with; the test is skipped where there is none. */
fun artifactFolder(): File {
    val known = System.getenv("AVATAR_ARTIFACT") ?: "../../dist/onnx"
    val folder = listOf("artifact", known).map(sdkRoot::resolve).find(File::isDirectory)
    assumeTrue("no artifact: set AVATAR_ARTIFACT, or make dist/onnx", folder != null)
    return checkNotNull(folder)
}

/** The artifact's own golden vectors. */
fun artifactGolden(name: String): Map<String, GoldenTensor> {
    val published = sdkRoot.resolve("golden/artifact/$name")
    return readSafetensors(if (published.exists()) published else artifactFolder().resolve("golden/$name"))
}

/** A style of whatever artifact this library was published with. */
val freeStyle: AvatarStyle = AvatarStyle.entries.minBy { it.tier }

/** One for those who have Plus; the test is skipped where the artifact has none. */
val plusStyle: AvatarStyle
    get() {
        val style = AvatarStyle.entries.find { it.tier == Tier.PLUS }
        assumeTrue("the artifact has no Plus style", style != null)
        return checkNotNull(style)
    }

/** A picture file as the law wants its pixels: stored order, sRGB. */
fun readPng(file: File, orientation: Int = 1): PixelPicture {
    val image = ImageIO.read(file)
    return PixelPicture(image.width, image.height, image.argb(), orientation)
}

fun BufferedImage.argb(): IntArray = getRGB(0, 0, width, height, null, 0, width)

/** A picture of coloured tiles that keeps every rule; another seed gives another one. */
fun tiles(seed: Int, width: Int = 160, height: Int = 200): Selfie =
    Selfie {
        val random = Random(seed)
        val colours = IntArray(64 * 64) { random.nextInt() or (255 shl 24) }
        val pixels = IntArray(width * height) { colours[it / width / 8 % 64 * 64 + it % width / 8 % 64] }
        PixelPicture(width, height, pixels)
    }

/** A picture of one colour. */
fun plain(colour: Int, width: Int = 200, height: Int = 200): Selfie =
    Selfie { PixelPicture(width, height, IntArray(width * height) { colour or (255 shl 24) }) }

/** PSNR in decibels, peak 1. */
fun psnr(a: DoubleArray, b: DoubleArray): Double {
    check(a.size == b.size)
    val squares = a.indices.sumOf { (a[it] - b[it]) * (a[it] - b[it]) }
    return -10 * log10(squares / a.size)
}

/** 0xFFRRGGBB to (3,h,w) in [0,1]. */
fun planes(pixels: IntArray): DoubleArray {
    val count = pixels.size
    return DoubleArray(3 * count) { (pixels[it % count] shr (16 - 8 * (it / count)) and 255) / 255.0 }
}

fun FloatBuffer.toDoubles(): DoubleArray = DoubleArray(capacity()) { this[it].toDouble() }

/** Remembers every buffer that it gave. */
class WatchedAllocator : BufferAllocator {
    private val direct = ArrayList<ByteBuffer>()
    private val ints = ArrayList<IntArray>()

    override fun direct(count: Int): ByteBuffer = super.direct(count).also(direct::add)

    override fun ints(count: Int): IntArray = super.ints(count).also(ints::add)

    /** How many buffers hold anything but 0. */
    fun used(): Int =
        direct.count { buffer -> (0 until buffer.capacity()).any { buffer[it] != 0.toByte() } } +
            ints.count { all -> all.any { it != 0 } }
}

/** The manifest with some of it changed. */
internal fun Manifest.with(
    schemaVersion: Int = this.schemaVersion,
    samplers: List<SamplerTable> = this.samplers,
    rules: List<RuleLimits> = this.rules,
): Manifest = Manifest(schemaVersion, components, samplers, rules, files)

/** Two steps by default; one and four, too. */
internal val testManifest: Manifest = Bundled.manifest.with(samplers = listOf(steps(2), steps(1), steps(4)))

internal fun steps(count: Int, guidance: Float = 1f): SamplerTable {
    val sigmas = List(count + 1) { 1 - it.toFloat() / count }
    return SamplerTable("velocity", guidance, sigmas.dropLast(1).map { 1000 * it }, sigmas)
}

/** A studio that needs no artifact. */
internal fun studio(
    manifest: Manifest = testManifest,
    options: StudioOptions = StudioOptions(backend = FakeBackend()),
): AvatarStudio = AvatarStudio(manifest, options, Artifact(manifest) { throw FileNotFoundException(it) })
