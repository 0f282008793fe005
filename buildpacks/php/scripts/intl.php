<?php
// What Composer itself uses of the extension intl, for an app that does without it:
// Debian leaves out the packages that stand in for it. Texts stay as they are.
if (!extension_loaded('intl')) {
    class Normalizer
    {
        const NONE = 1, FORM_D = 4, NFD = 4, FORM_KD = 8, NFKD = 8, FORM_C = 16, NFC = 16, FORM_KC = 32, NFKC = 32;

        public static function isNormalized(string $text, int $form = self::FORM_C): bool
        {
            return true;
        }

        public static function normalize(string $text, int $form = self::FORM_C): string
        {
            return $text;
        }
    }

    function normalizer_is_normalized(string $text, int $form = Normalizer::FORM_C): bool
    {
        return true;
    }

    function normalizer_normalize(string $text, int $form = Normalizer::FORM_C): string
    {
        return $text;
    }

    function grapheme_strlen(string $text): int
    {
        return mb_strlen($text, 'UTF-8');
    }

    function grapheme_substr(string $text, int $from, ?int $length = null): string
    {
        return mb_substr($text, $from, $length, 'UTF-8');
    }

    function grapheme_strpos(string $text, string $part, int $from = 0): int|false
    {
        return mb_strpos($text, $part, $from, 'UTF-8');
    }
}
