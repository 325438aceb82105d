"""Short texts, written for this project, that the synthesisers read aloud.

They cover everyday speech in languages with different sound systems; keys are voices of espeak-ng.
"""

SENTENCES = {
    "en-us": """
        Please bring me a blue paper bag before the bus leaves.
        My mother bought five big apples from the farmer by the bridge.
        The weather will be warm and bright over most of the valley today.
        How many people from your family came to the party?
        We are happy to show you what we have been working on.
        A quiet river flows between two green hills and a small village.
        She sells fresh flowers, yellow peppers and very good bread.
        Good morning, and welcome to the evening show with Bob and Pam.
        Put both thumbs up if you can hear my voice.
        The judge asked whether the driver had ever used that road before.
        Five thousand voters gave their views on food, fuel and farming.
        Oh, I thought you knew the way to the old harbour.
        In a moment we will speak about money, music and movement.
        Which of these three pictures would you choose for the wall?
        Zebras, giraffes and lions usually measure the distance with care.
        You should chew your food slowly and enjoy each bite.
        The pilot keeps the plane above the clouds until we reach the bay.
        I was born in a town of about four hundred people.
        Would you mind opening the window? It is rather hot in here.
        Thank you for watching. See you again next week, and goodbye.
        One, two, three, four, five, six, seven, eight, nine, ten.
        Maybe Papa will come home by bus with a bump on his thumb.
        The ship shook as she rushed through the rough northern sea.
        Boys play with a rubber ball while the baby sleeps in peace.
        """,
    "en": """
        The prime minister promised more help for families and pensioners.
        Could you possibly pass me the butter and a piece of bread?
        From Bath to Birmingham the morning train was nearly empty.
        What we know about the universe is beautiful and very small.
        Everybody in the room began to laugh when the puppy barked.
        It may be foggy at first, but the afternoon will be fine.
        Both brothers moved to Wales and opened a book shop there.
        Very few of us have ever seen such a lovely view.
        He whispered something about a map, a boat and a lamp.
        Whatever happens, do not forget to feed the fish.
        We shall measure the length of the path from beginning to end.
        Peter Piper and Barbara Bloom plan to paint the farm blue.
        """,
    "ar": """
        مرحبا بكم في نشرة أخبار المساء.
        قال الرئيس إن الحكومة تعمل من أجل السلام في المنطقة.
        سوف يكون الطقس جميلا غدا في معظم المدن.
        وصل الوفد إلى العاصمة صباح اليوم.
        بدأت المفاوضات بين الطرفين قبل ثلاثة أيام.
        ماذا يمكن أن نفعل من أجل أطفال المدينة؟
        كتب الولد رسالة طويلة إلى أبيه وأمه.
        فاز فريقنا في المباراة بفارق هدفين.
        شكرا لكم على المتابعة وإلى اللقاء.
        يعيش في هذه القرية مئة وخمسون شخصا.
        """,
    "es": """
        Buenos días, bienvenidos a nuestro programa de la mañana.
        Mi abuela prepara un pan muy bueno para toda la familia.
        El presidente habló ayer con los trabajadores del puerto.
        ¿Puedes abrir la ventana, por favor? Hace mucho calor aquí.
        Un pequeño barco blanco volvió muy tarde a la bahía.
        Los niños jugaban fútbol bajo la lluvia sin parar.
        Nunca he visto un bosque tan verde como este.
        La música empieza a las ocho y media en la plaza.
        Me gusta mucho viajar en tren por el sur de Europa.
        Muchas gracias por venir, y hasta la próxima semana.
        """,
    "fr": """
        Bonjour à tous et bienvenue dans notre émission du soir.
        Ma petite sœur a peur des chiens mais elle aime les poules.
        Le brouillard couvre encore une bonne partie de la vallée.
        Nous avons vu un beau bateau bleu au bout du port.
        Pourquoi voulez-vous partir aussi tôt demain matin?
        Il faut beaucoup de patience pour apprendre le piano.
        Une lune jaune brillait au-dessus des maisons vides.
        Le vieux boulanger vend son pain pendant toute la nuit.
        Je voudrais un peu de beurre et une tasse de thé.
        Merci beaucoup, et à bientôt sur cette même chaîne.
        """,
    "de": """
        Guten Abend und willkommen zu unserer Sendung.
        Meine Mutter kauft am Samstag frisches Brot und Butter.
        Über den Bergen bleibt es morgen meist freundlich und warm.
        Haben Sie vielleicht fünf Minuten Zeit für mich?
        Der Bürgermeister sprach vor vielen Menschen auf dem Marktplatz.
        Ein böser Hund bellte bis tief in die Nacht.
        Wir möchten Ihnen zeigen, woran wir im Sommer gearbeitet haben.
        Bitte bringen Sie mir ein Glas Apfelsaft und zwei Löffel.
        Früher fuhr hier jede Stunde ein Zug nach Süden.
        Vielen Dank fürs Zuschauen und auf Wiedersehen.
        """,
    "it": """
        Buongiorno a tutti e benvenuti al nostro programma.
        Mio padre beve un bicchiere d'acqua prima di mangiare.
        La bambina guarda fuori dalla finestra e sorride piano.
        Quanto costa questo bel cappello verde con la piuma?
        Domani pioverà su gran parte del paese, soprattutto al nord.
        Abbiamo comprato pane, burro, uova e un po' di formaggio.
        Nel bosco viveva un lupo molto vecchio e pigro.
        Il treno per Bologna parte fra cinque minuti dal primo binario.
        Grazie mille per la vostra attenzione e arrivederci.
        """,
    "ru": """
        Добрый вечер, в эфире программа новостей.
        Моя бабушка живёт в маленьком доме у большой реки.
        Завтра будет тепло, но после обеда пойдёт дождь.
        Сколько стоит этот белый хлеб с маслом?
        Мальчик бежал по мосту и громко пел песню.
        Мы хотим показать вам, что сделали за это лето.
        Прошу вас, откройте окно, здесь очень душно.
        Вы любите музыку, поэзию и футбол?
        Большое спасибо за внимание, до новых встреч.
        """,
    "pt-br": """
        Bom dia, sejam bem-vindos ao nosso programa.
        Minha avó mora perto da praia com dois cachorros pretos.
        O ministro falou sobre o preço da comida e da água.
        Você pode me passar o pão e a manteiga, por favor?
        Amanhã vai chover bastante em boa parte do país.
        O menino viu um barco bonito no fim do porto.
        Muito obrigado pela companhia, e até a próxima semana.
        """,
    "hi": """
        नमस्ते, आज के समाचार में आपका स्वागत है।
        मेरी माँ बाज़ार से फल और सब्ज़ी लाती है।
        कल मौसम बहुत अच्छा रहेगा, पर शाम को बारिश होगी।
        क्या आप मुझे एक गिलास पानी दे सकते हैं?
        बच्चे पूरे दिन बाग में खेलते रहे।
        प्रधानमंत्री ने किसानों से बात की।
        बहुत बहुत धन्यवाद, फिर मिलेंगे।
        """,
    "tr": """
        İyi akşamlar, haber programımıza hoş geldiniz.
        Annem pazardan büyük bir karpuz ve taze ekmek aldı.
        Yarın hava güneşli ve biraz rüzgarlı olacak.
        Bana bir bardak su verebilir misiniz, lütfen?
        Küçük çocuk bütün gün bahçede top oynadı.
        Köprünün üzerinde yüzlerce insan bekliyordu.
        Teşekkür ederiz, gelecek hafta görüşmek üzere.
        """,
}

SYLLABLE_ONSETS = ["p", "b", "m", "f", "v", "t", "d", "n", "s", "z", "l", "r", "k", "g", "ch", "sc"]
SYLLABLE_VOWELS = ["a", "e", "i", "o", "u"]
"""Letters of nonsense words, read with Italian spelling: every consonant meets every vowel."""
