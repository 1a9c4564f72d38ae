"""Colours: themes of our own, and how the roles of a line look in any theme.

The colours of groups are those of Okabe and Ito, which people with any common
form of colour blindness can tell apart ("Color Universal Design", 2008).
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from rich.style import Style
from textual.color import Color
from textual.theme import Theme

from vscan_tui.tui.rendering.line import Layer, Role, Run

DARK = Theme(
    name="vscan-dark",
    primary="#56B4E9",
    secondary="#7A93A8",
    accent="#E69F00",
    foreground="#DCE3EA",
    background="#0F1419",
    surface="#161D24",
    panel="#1E2730",
    success="#3FC79A",
    warning="#E69F00",
    error="#F2777A",
    dark=True,
    variables={"footer-key-foreground": "#E69F00", "footer-background": "#1E2730"},
)
LIGHT = Theme(
    name="vscan-light",
    primary="#0063A6",
    secondary="#4D6475",
    accent="#A65300",
    foreground="#1B2329",
    background="#FBFBF8",
    surface="#F1F2EE",
    panel="#E4E7E4",
    success="#00684A",
    warning="#A65300",
    error="#B3261E",
    dark=False,
    variables={"footer-key-foreground": "#A65300", "footer-background": "#E4E7E4"},
)

CONTRAST = Theme(
    name="vscan-contrast",
    primary="#6CC7FF",
    secondary="#C8D4DE",
    accent="#FFC400",
    foreground="#FFFFFF",
    background="#000000",
    surface="#000000",
    panel="#1C1C1C",
    success="#3DF5B4",
    warning="#FFC400",
    error="#FF8A8A",
    dark=True,
    variables={"footer-key-foreground": "#FFC400", "footer-background": "#1C1C1C"},
)
"""Every text at least 7 to 1 against its background (WCAG 2.2, 1.4.6)."""
THEMES = (DARK, LIGHT, CONTRAST)
"""The program's own; the first is the default."""

GROUP_COLOURS = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7")
"""One for each group; the eighth group has that of the first again, and its number."""

_BOLD = frozenset({Role.STRONG, Role.HEADING, Role.FOCUSED_HEADING, Role.CHOSEN, Role.ALERT})
_OF_A_REGEX: dict[Role, Callable[["Palette"], Color]] = {
    Role.REGEX_CLASS: lambda colours: colours.primary,
    Role.REGEX_QUANTIFIER: lambda colours: colours.accent,
    Role.REGEX_ESCAPE: lambda colours: colours.success,
    Role.REGEX_ANCHOR: lambda colours: colours.error,
}
_ITALIC = frozenset({Role.BUSY})
_BLACK, _WHITE = Color.parse("#000000"), Color.parse("#FFFFFF")


_StyleKey = tuple[Role, int, Color, Layer, bool]


@dataclass(frozen=True)
class Palette:
    """The colours of a theme, and the style of every role in them."""

    background: Color
    foreground: Color
    panel: Color
    primary: Color
    accent: Color
    success: Color
    warning: Color
    error: Color
    dark: bool
    _styles: dict[_StyleKey, Style] = field(default_factory=dict, compare=False, repr=False)
    """Those that were asked for; a page asks for the same few thousands of times."""

    @property
    def base(self) -> Style:
        """The style of text without a role, and of blank space."""
        return _style(self.foreground, self.background)

    def cursor_background(self, *, focused: bool) -> Color:
        """Return the background of the line that the cursor is on."""
        strength = 0.30 if focused else 0.14
        return self.background.blend(self.primary, strength)

    def style(self, run: Run, *, background: Color | None = None, emphasis: int = 0) -> Style:
        """Return the style of a run.

        Args:
            run: the text with its role.
            background: of the line; None for that of the theme.
            emphasis: the group that is selected; 0 for none.
        """
        background = self.background if background is None else background
        is_emphasised = bool(run.group) and run.group == emphasis
        key = (run.role, run.group, background, run.layer, is_emphasised)
        style = self._styles.get(key)
        if style is None:
            style = self._styles[key] = _run_style(
                self, run.role, run.group, background, run.layer, is_emphasised=is_emphasised
            )
        return style


def palette(theme: Theme) -> Palette:
    """Take the colours of a theme; those that it leaves out are derived as Textual does."""
    known, found = _palettes.get(theme.name, (None, None))
    if known is theme and found is not None:
        return found
    found = _derived(theme)
    _palettes[theme.name] = theme, found
    return found


_palettes: dict[str, tuple[Theme, Palette]] = {}
"""Of each theme that was shown: all panes share the one of theirs."""


def _derived(theme: Theme) -> Palette:
    colours = theme.to_color_system().generate()

    def colour(name: str) -> Color:
        return Color.parse(colours[name])

    return Palette(
        background=colour("background"),
        foreground=colour("foreground"),
        panel=colour("panel"),
        primary=colour("primary"),
        accent=colour("accent"),
        success=colour("success"),
        warning=colour("warning"),
        error=colour("error"),
        dark=theme.dark,
    )


def group_colour(group: int) -> Color:
    """Return the colour of a captured group."""
    return Color.parse(GROUP_COLOURS[(group - 1) % len(GROUP_COLOURS)])


def _run_style(
    colours: Palette,
    role: Role,
    group: int,
    background: Color,
    layer: Layer = Layer.NONE,
    *,
    is_emphasised: bool,
) -> Style:
    if layer is not Layer.NONE:
        return _layer_style(colours, layer, group)
    if group:
        return _group_style(colours, group, role, is_emphasised=is_emphasised)
    faint = background.blend(colours.foreground, 0.66 if colours.dark else 0.72)
    line = background.blend(colours.foreground, 0.3)
    accent = colours.accent
    if role is Role.TAG:
        return _style(_readable_on(accent), accent, bold=True)
    colour = {
        Role.DIM: faint,
        Role.LABEL: faint,
        Role.HEADING: faint,
        Role.FOCUSED_HEADING: accent,
        Role.RULE: line,
        Role.FOCUSED_RULE: accent,
        Role.CHOSEN: accent,
        Role.HARD: colours.success,
        Role.SOFT: colours.primary,
        Role.UNKNOWN: colours.warning,
        Role.BUSY: colours.primary,
        Role.ALERT: colours.error,
        Role.BAR_DONE: colours.primary,
        Role.BAR_LEFT: line,
        Role.REGEX_GROUP: faint,
        **{role: choose(colours) for role, choose in _OF_A_REGEX.items()},
    }.get(role, colours.foreground)
    return _style(colour, background, bold=role in _BOLD or None, italic=role in _ITALIC or None)


def _group_style(colours: Palette, group: int, role: Role, *, is_emphasised: bool) -> Style:
    colour = group_colour(group)
    if is_emphasised:
        return _style(_readable_on(colour), colour, bold=True, group=group)
    tinted = colours.background.blend(colour, 0.28 if colours.dark else 0.30)
    text = colours.foreground if role is not Role.DIM else tinted.blend(colours.foreground, 0.9)
    if role in _OF_A_REGEX:
        text = text.blend(_OF_A_REGEX[role](colours), 0.45)
    return _style(text, tinted, underline=True, group=group)


def _layer_style(colours: Palette, layer: Layer, group: int) -> Style:
    """Each layer differs from the others in lightness and attributes too, not in hue alone."""
    text, base = colours.foreground, colours.background
    match layer:
        case Layer.MET:
            tinted = base.blend(colours.success, 0.28)
            return _style(text, tinted, underline=True, group=group)
        case Layer.STOP:
            return _style(_readable_on(colours.error), colours.error, bold=True, group=group)
        case Layer.HIT:
            tinted = base.blend(colours.accent, 0.42)
            return _style(text, tinted, bold=True, underline=bool(group) or None, group=group)
        case Layer.PART:
            accent = colours.accent
            return _style(_readable_on(accent), accent, bold=True, group=group)
        case Layer.CURRENT_HIT:
            accent = colours.accent
            return _style(_readable_on(accent), accent, bold=True, underline=True, group=group)
        case Layer.CURSOR:
            return _style(_readable_on(colours.primary), colours.primary, bold=True, group=group)
        case _:
            light = base.blend(text, 0.80)
            return _style(base, light, underline=bool(group) or None, group=group)


def _readable_on(colour: Color) -> Color:
    return _BLACK if colour.brightness > 0.45 else _WHITE


def _style(
    colour: Color,
    background: Color,
    *,
    bold: bool | None = None,
    italic: bool | None = None,
    underline: bool | None = None,
    group: int = 0,
) -> Style:
    return Style(
        color=colour.rich_color,
        bgcolor=background.rich_color,
        bold=bold,
        italic=italic,
        underline=underline,
        meta={"group": group} if group else None,
    )
