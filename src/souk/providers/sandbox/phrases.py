"""Phrases to sing, so that whoever makes a voice shows that it is theirs: an opening and a close in ten languages."""

import random
from typing import Final

PHRASES: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "en": (
        ("Harbour lights are humming low,", "Seven kites above the bay,", "Paper boats on quiet rain,"),
        ("and the night knows every word.", "I will sing you home today.", "call the morning back again."),
    ),
    "zh": (
        ("海边的灯轻轻地唱，", "七只风筝飞过河湾，", "雨里的纸船慢慢走，"),
        ("夜晚记得每一句话。", "我用歌声送你回家。", "早晨又回到窗前。"),
    ),
    "es": (
        ("Las luces del puerto cantan,", "Siete cometas en el aire,", "Barcos de papel en la lluvia,"),
        ("y la noche sabe mi nombre.", "yo te canto hasta la mañana.", "vuelve despacio la tarde."),
    ),
    "fr": (
        ("Les lumières du port chantent,", "Sept cerfs-volants sur la baie,", "Un bateau de papier flotte,"),
        ("et la nuit connaît ma voix.", "je te chante la route.", "le matin revient tout bas."),
    ),
    "pt": (
        ("As luzes do porto cantam,", "Sete pipas sobre o mar,", "Barquinhos de papel na chuva,"),
        ("e a noite sabe o caminho.", "eu canto até clarear.", "a manhã volta devagar."),
    ),
    "de": (
        ("Die Lichter im Hafen summen,", "Sieben Drachen über dem Feld,", "Ein Papierboot zieht im Regen,"),
        ("und die Nacht kennt jedes Wort.", "ich singe dich nach Haus.", "der Morgen kommt zurück."),
    ),
    "ja": (
        ("港の灯りが歌っている、", "七つの凧が空をゆく、", "紙の舟が雨に浮かぶ、"),
        ("夜は言葉を覚えている。", "朝まで君に歌うよ。", "静かな朝がまた来る。"),
    ),
    "ko": (
        ("항구의 불빛이 노래하고,", "일곱 개의 연이 하늘을 날고,", "종이배가 빗물 위를 흐르고,"),
        ("밤은 모든 말을 기억해요.", "나는 아침까지 노래해요.", "고요한 아침이 다시 와요."),
    ),
    "hi": (
        ("बंदरगाह की बत्तियाँ गाती हैं,", "सात पतंगें आसमान में हैं,", "बारिश में काग़ज़ की नाव चली,"),
        ("और रात हर शब्द जानती है।", "मैं सुबह तक गाता रहूँ।", "सुबह फिर लौट आती है।"),
    ),
    "ru": (
        ("Огни в порту тихонько поют,", "Семь змеев над заливом летят,", "Бумажный кораблик под дождём,"),
        ("и ночь запомнит каждый звук.", "я допою тебе до утра.", "и утро снова входит в дом."),
    ),
}


def phrase(language: str, seed: int, avoid: str = "") -> str:
    """A phrase, never the one to avoid."""
    openings, closes = PHRASES[language]
    all_of_them = [f"{opening} {close}" for opening in openings for close in closes]
    chance = random.Random(seed)  # noqa: S311 - a phrase needs no secret
    return chance.choice([each for each in all_of_them if each != avoid])
