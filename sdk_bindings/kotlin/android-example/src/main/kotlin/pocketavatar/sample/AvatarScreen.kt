package pocketavatar.sample

import android.content.Context
import android.view.View
import android.view.ViewGroup.LayoutParams.MATCH_PARENT
import android.view.ViewGroup.LayoutParams.WRAP_CONTENT
import android.widget.ArrayAdapter
import android.widget.Button
import android.widget.CheckBox
import android.widget.ImageView
import android.widget.LinearLayout
import android.widget.ProgressBar
import android.widget.ScrollView
import android.widget.Spinner
import android.widget.TextView
import pocketavatar.AiLabel
import pocketavatar.Avatar
import pocketavatar.AvatarStyle
import pocketavatar.Tier
import pocketavatar.android.toBitmap
import pocketavatar.credit

/** The views of the screen. Of the library they only use styles and avatars. */
internal class AvatarScreen(
    private val context: Context,
    onPick: () -> Unit,
    onDraw: () -> Unit,
    onCancel: () -> Unit,
    private val onShare: (Avatar) -> Unit,
) {
    private val styles = Spinner(context)
    private val plus = CheckBox(context).apply { text = "I have Plus" }
    private val draw = button("Draw", onDraw).apply { isEnabled = false }
    private val cancel = button("Cancel", onCancel).apply { isEnabled = false }
    private val progress = ProgressBar(context, null, android.R.attr.progressBarStyleHorizontal)
    private val avatars = column()

    /** The message to the user, under the buttons. */
    val message = TextView(context)

    val root: View

    val style: AvatarStyle get() = AvatarStyle.entries[styles.selectedItemPosition]

    /** Whether the user has bought Plus. A real app asks its billing library. */
    val hasPlus: Boolean get() = plus.isChecked

    init {
        val names = AvatarStyle.entries.map { if (it.tier == Tier.PLUS) "${it.title} ★ Plus" else it.title }
        styles.adapter = ArrayAdapter(context, android.R.layout.simple_spinner_dropdown_item, names)
        val column = column()
        val views = listOf(button("Pick selfies", onPick), styles, plus, draw, cancel, progress, message, avatars)
        for (view in views) column.addView(view, MATCH_PARENT, WRAP_CONTENT)
        root = ScrollView(context).apply { addView(column) }
    }

    fun say(text: String) {
        message.text = text
    }

    fun showSelfies(count: Int, problems: List<String>) {
        draw.isEnabled = problems.isEmpty()
        say(if (problems.isEmpty()) "$count selfies, all good" else problems.joinToString("\n"))
    }

    fun startDrawing() {
        avatars.removeAllViews()
        draw.isEnabled = false
        cancel.isEnabled = true
        say("Drawing…")
    }

    fun stopDrawing() {
        draw.isEnabled = true
        cancel.isEnabled = false
        progress.progress = 0
    }

    fun showProgress(done: Int, of: Int) {
        progress.max = of
        progress.progress = done
    }

    /** Shows the avatar, the label that it is AI-generated, and the credit of the style. */
    fun showAvatar(avatar: Avatar) {
        val picture =
            ImageView(context).apply {
                setImageBitmap(avatar.toBitmap())
                adjustViewBounds = true
                contentDescription = "${AiLabel.DISCLOSURE} avatar in the style ${avatar.style.title}; touch to share"
                setOnClickListener { onShare(avatar) }
            }
        val caption = TextView(context).apply { text = "${AiLabel.DISCLOSURE}, ${avatar.style.credit}" }
        avatars.addView(picture, MATCH_PARENT, WRAP_CONTENT)
        avatars.addView(caption, MATCH_PARENT, WRAP_CONTENT)
    }

    private fun button(title: String, action: () -> Unit) =
        Button(context).apply {
            text = title
            setOnClickListener { action() }
        }

    private fun column() = LinearLayout(context).apply { orientation = LinearLayout.VERTICAL }
}
