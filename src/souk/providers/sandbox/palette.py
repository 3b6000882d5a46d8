"""From a prompt's words to a picture's colours and motif: the first choice the sandbox makes for a picture."""

import random
import re
from dataclasses import dataclass

Rgb = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Palette:
    """Five colours that go together, from the top of the sky to the nearest thing."""

    name: str
    top: Rgb
    low: Rgb
    """The colour at the horizon."""
    far: Rgb
    near: Rgb
    light: Rgb
    """The sun, the lamps, the highlights."""

    @property
    def dark(self) -> bool:
        return sum(self.top) < 150


PALETTES = {
    palette.name: palette
    for palette in (
        Palette("dusk", (54, 44, 98), (247, 152, 96), (150, 92, 122), (38, 26, 52), (255, 226, 170)),
        Palette("dawn", (120, 158, 206), (253, 205, 178), (168, 160, 190), (62, 68, 98), (255, 244, 214)),
        Palette("day", (66, 140, 214), (206, 232, 244), (132, 172, 190), (44, 88, 78), (255, 252, 236)),
        Palette("night", (8, 12, 38), (38, 60, 108), (30, 44, 84), (6, 9, 22), (238, 234, 204)),
        Palette("storm", (52, 62, 76), (162, 172, 178), (92, 104, 116), (28, 34, 42), (222, 234, 240)),
        Palette("snow", (126, 162, 204), (236, 241, 248), (184, 202, 224), (70, 94, 130), (255, 255, 255)),
        Palette("desert", (92, 142, 178), (250, 214, 158), (222, 160, 104), (122, 66, 42), (255, 244, 206)),
        Palette("spring", (150, 196, 226), (250, 226, 232), (238, 168, 188), (66, 108, 72), (255, 250, 230)),
        Palette("autumn", (104, 122, 142), (248, 206, 142), (206, 122, 58), (84, 38, 24), (255, 232, 178)),
        Palette("neon", (20, 10, 48), (168, 40, 142), (72, 30, 118), (12, 8, 30), (72, 236, 240)),
        Palette("deep", (4, 52, 92), (42, 160, 178), (16, 98, 130), (2, 22, 44), (190, 250, 240)),
        Palette("ink", (206, 202, 190), (242, 238, 228), (148, 148, 144), (38, 40, 44), (198, 62, 48)),
        Palette("gold", (44, 28, 22), (212, 152, 62), (138, 88, 36), (24, 15, 12), (255, 228, 148)),
        Palette("meadow", (98, 170, 216), (236, 244, 206), (140, 186, 112), (38, 82, 44), (255, 250, 210)),
    )
}

PALETTE_WORDS = {
    "dusk": "dusk sunset evening twilight romantic 日落 黄昏 夕阳 晚霞 傍晚",
    "dawn": "dawn sunrise morning mist misty fog foggy pastel dream dreamy 日出 清晨 早晨 雾 晨光",
    "day": "day daylight noon sunny sky blue bright summer beach 白天 晴 蓝天 夏 阳光",
    "night": "night midnight moon moonlit dark star stars starry space galaxy cosmos 夜 月 星 宇宙 银河",
    "storm": "storm rain rainy thunder grey gray cloudy gloomy moody 雨 风暴 雷 阴",
    "snow": "snow snowy winter ice icy frozen glacier arctic 雪 冬 冰",
    "desert": "desert sand dune dunes sahara canyon mars dry 沙漠 沙 戈壁",
    "spring": "spring blossom cherry sakura pink petal petals 春 樱花 桃花 粉",
    "autumn": "autumn fall maple orange rust amber 秋 枫",
    "neon": "neon cyberpunk futuristic club synthwave vaporwave purple hologram robot 霓虹 赛博 未来 机器人 紫",
    "deep": "underwater deep sea ocean coral whale fish dolphin diving teal 海底 深海 鱼 鲸",
    "ink": "ink brush watercolor watercolour sketch calligraphy minimal minimalist paper 水墨 国画 书法 素描 极简",
    "gold": "gold golden candle lantern fire warm luxury honey cozy 金 灯笼 烛 火 暖",
    "meadow": "meadow grass green field farm 草地 绿 田",
}

MOTIF_WORDS = {
    "cat": "cat kitten kitty fox dog puppy wolf rabbit bunny animal pet bear tiger lion 猫 狗 狐 兔 动物 虎 狮 熊",
    "portrait": "portrait man woman girl boy person face people selfie model actor character hero king queen child "
    "lady dancer singer speaker avatar 人像 女孩 男孩 女人 男人 少女 人物 肖像 脸",
    "city": "city skyline street building buildings tokyo york london paris downtown tower skyscraper urban cyberpunk "
    "bridge shop market car traffic 城市 街 楼 都市 塔 桥 东京 上海",
    "ocean": "ocean sea beach harbour harbor boat ship sail wave waves lake river island surf coast lighthouse water "
    "whale fish dolphin underwater 海 湖 河 船 浪 岛 港 灯塔 水",
    "forest": "forest tree trees wood woods pine jungle woodland bamboo leaf leaves deer 森林 树 林 竹 叶",
    "aurora": "aurora night star stars starry galaxy space moon milky cosmos planet nebula universe astronaut rocket "
    "极光 夜空 星 月 银河 宇宙 宇航",
    "flower": "flower flowers rose lotus blossom bouquet petal petals mandala tulip sunflower garden peony orchid lily "
    "sakura 花 玫瑰 莲 樱 牡丹 兰",
    "hills": "hill hills mountain mountains valley landscape sunset sunrise desert dune dunes canyon field meadow snow "
    "cliff volcano road farm horse castle 山 谷 草原 沙漠 风景 日落 雪 城堡",
    "spheres": "sphere ball product bottle cup tea coffee glass lamp bubble candy fruit apple orange food cake "
    "robot toy watch phone perfume shoe 球 产品 杯 茶 咖啡 瓶 水果 苹果 蛋糕 玩具",
    "flow": "abstract pattern flow fluid marble texture silk smoke ink paint wallpaper logo poster gradient music "
    "sound energy 抽象 纹理 流 烟 丝绸 水墨 音乐",
}

COLOURS: dict[str, Rgb] = {
    "red": (206, 44, 48), "crimson": (172, 20, 52), "scarlet": (226, 48, 36), "orange": (240, 132, 40),
    "yellow": (246, 208, 64), "gold": (222, 174, 72), "golden": (222, 174, 72), "green": (58, 150, 82),
    "emerald": (16, 138, 96), "teal": (20, 140, 144), "turquoise": (52, 196, 190), "cyan": (60, 200, 224),
    "blue": (46, 102, 204), "navy": (22, 36, 96), "purple": (122, 62, 176), "violet": (136, 84, 208),
    "lavender": (182, 160, 222), "pink": (240, 140, 178), "magenta": (214, 48, 150), "brown": (120, 78, 48),
    "红": (206, 44, 48), "橙": (240, 132, 40), "黄": (246, 208, 64), "绿": (58, 150, 82), "青": (20, 140, 144),
    "蓝": (46, 102, 204), "紫": (122, 62, 176), "粉": (240, 140, 178),
}  # fmt: skip
SUBJECTS = frozenset({"cat", "portrait"})
"""Motifs with a living subject: it is the picture wherever it stands."""
LIGHT_OF_DAY = frozenset({"dusk", "dawn", "night", "storm", "snow"})
"""Palettes that name a time or weather: they set the light whatever else the prompt shows."""
COLOUR_PULL = 0.34
"""How far a colour named in the prompt pulls the palette towards itself."""


def mix(a: Rgb, b: Rgb, share: float) -> Rgb:
    """The colour ``share`` of the way from ``a`` to ``b``."""
    return (
        round(a[0] + (b[0] - a[0]) * share),
        round(a[1] + (b[1] - a[1]) * share),
        round(a[2] + (b[2] - a[2]) * share),
    )


def choose_palette(prompt: str, rng: random.Random) -> Palette:
    """The palette the prompt's words ask for; the seed's choice when they ask for none."""
    spoken = {name: words for name, words in PALETTE_WORDS.items() if name in LIGHT_OF_DAY}
    name = _best(prompt, spoken) or _best(prompt, PALETTE_WORDS) or rng.choice(list(PALETTES))
    palette = PALETTES[name]
    tint = next((colour for word, colour in COLOURS.items() if _says(prompt, word)), None)
    drift = (rng.randint(0, 255), rng.randint(0, 255), rng.randint(0, 255))
    colours = [mix(colour, drift, 0.05) for colour in (palette.top, palette.low, palette.far, palette.near)]
    if tint is not None:
        pulls = (COLOUR_PULL, COLOUR_PULL, COLOUR_PULL * 1.6, COLOUR_PULL * 0.5)
        colours = [mix(colour, tint, pull) for colour, pull in zip(colours, pulls, strict=True)]
    return Palette(palette.name, *colours, light=palette.light)


def choose_motif(prompt: str, rng: random.Random) -> str:
    """The motif the prompt's words ask for; the seed's choice when they ask for none."""
    subjects = {name: words for name, words in MOTIF_WORDS.items() if name in SUBJECTS}
    return _best(prompt, subjects) or _best(prompt, MOTIF_WORDS) or rng.choice(list(MOTIF_WORDS))


def _best(prompt: str, table: dict[str, str]) -> str:
    """The entry most of whose words the prompt says, earlier words weighing more; empty if none is said."""
    scores = {name: _score(prompt, words.split()) for name, words in table.items()}
    name = max(scores, key=lambda entry: scores[entry])
    return name if scores[name] else ""


def _score(prompt: str, words: list[str]) -> float:
    places = [place for word in words if (place := _place(prompt, word)) >= 0]
    return sum(1 + 1 / (1 + place / 40) for place in places)


def _says(prompt: str, word: str) -> bool:
    return _place(prompt, word) >= 0


def _place(prompt: str, word: str) -> int:
    """Where the prompt says the word, or -1. Han words stand inside text without spaces."""
    if not word.isascii():
        return prompt.find(word)
    found = re.search(rf"\b{word}s?\b", prompt, re.IGNORECASE)
    return found.start() if found else -1
