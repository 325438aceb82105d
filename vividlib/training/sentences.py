"""Short texts, written for this project, that the synthesisers read aloud.

They cover everyday speech in languages with different sound systems; keys are voices of espeak-ng. English is
rich in sounds of the lips, and Arabic and English are the most.
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
        Maybe my family will move to a farm above the valley before winter.
        Papa put five bumpers on the van and wiped off the mud.
        Pam, Bob and Mabel brought pumpkin pie for everybody.
        The movie began with a view of a warm and empty beach.
        Favorite summer vegetables: peppers, beans, fava beans and baby plums.
        Move back from the platform, please, and mind the wet floor.
        We believe people behave better if others believe them.
        Above all, never wave a burning match above a fuel pump.
        Even a brave man may be afraid of a very big wave.
        My wife and I have been waiting for the plumber for five hours.
        Bring both boxes up from the basement before the movers come.
        The problem with power is that most people want more of it.
        Would a woodpecker work if we paid it a fair wage?
        From time to time a famous family member visits from far off Vermont.
        Perhaps the puppy wants food, or maybe a warm place by the fire.
        If your phone beeps, move away from the lamp and wait a while.
        Eleven of the workers have moved, but twelve have come back.
        Mama, may I have a bubble bath before bed?
        The map shows a path from the bay up to the viewpoint.
        Why were you away when the workmen removed the window?
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
        Every bump in the pavement made the old bus jump and wobble.
        Beverley made me a lovely cup of peppermint tea.
        Most members of our village voted for a proper football pitch.
        Above the fireplace there hung a faded map of Africa and Arabia.
        My brother phoned from Plymouth to wish me a happy birthday.
        If we leave by five, we may be home before the family wakes up.
        What a beautiful evening, what a marvellous view over the water.
        Remember to pump up both wheels before you move off.
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
        أعلن وزير الخارجية أن المفاوضات سوف تبدأ يوم الأحد.
        تمكنت فرق الإنقاذ من إخراج خمسة أشخاص من المبنى.
        مراسلنا في بيروت يوافينا بمزيد من التفاصيل.
        ما زالت الأمطار مستمرة في شمال البلاد وفي غربها.
        فتحت المدارس أبوابها بعد عطلة امتدت ثلاثة أسابيع.
        أكد المبعوث الأممي أهمية وقف إطلاق النار فورا.
        ارتفعت أسعار النفط بنسبة أربعة في المئة أمس.
        يبحث المجلس مشروع قانون يخص حماية البيئة والمياه.
        نفت الشركة ما نشرته بعض الصحف في الأيام الماضية.
        مبروك لكم هذا الفوز الكبير، وأنتم أفضل فريق في البطولة.
        بابا وماما يحبان القهوة مع بعض التمر في المساء.
        سافر محمد وفاطمة إلى المغرب بالقطار ثم بالباخرة.
        وفي أخبار الرياضة، تأهل المنتخب إلى نصف النهائي.
        من فضلك، هل يمكنك أن تفتح الباب وتغلق النافذة؟
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
    "cs": """
        Dobrý večer a vítejte u našeho pořadu.
        Maminka koupila na trhu pěkné jablko a bílý chléb.
        Babička bydlí v malém domě blízko velké řeky.
        Zítra bude teplo, ale odpoledne může přijít bouřka.
        Pes běžel přes most a potom zmizel v lese.
        Můžete mi prosím podat máslo a pomeranč?
        Večer budeme zpívat písně a povídat si u ohně.
        Pět malých veverek vylezlo na vysoký strom.
        Film začíná v osm hodin v novém divadle.
        Moc děkuji za pozornost a přeji pěkný víkend.
        """,
    "fi": """
        Hyvää iltaa ja tervetuloa ohjelmamme pariin.
        Äiti osti torilta omenoita ja tuoretta leipää.
        Mummo asuu pienessä talossa leveän joen varrella.
        Huomenna on lämmintä, mutta illalla voi tulla sadetta.
        Poika pompotti palloa koko päivän pihalla.
        Voisitko avata ikkunan, täällä on melko kuuma.
        Vene palasi vasta myöhään illalla satamaan.
        Pappi puhui pitkään uudesta kirjasta ja musiikista.
        Viisi vanhaa miestä pelasi korttia puun alla.
        Paljon kiitoksia ja näkemiin ensi viikkoon.
        """,
    "ca": """
        Bon dia i benvinguts al nostre programa del matí.
        La meva mare ha comprat pa, formatge i pomes vermelles.
        Demà plourà a bona part del país, sobretot al nord.
        Un vaixell petit i blanc va tornar tard al port.
        Em pots obrir la finestra, per favor?
        El president va parlar ahir amb els treballadors.
        Els nens jugaven a futbol sota la pluja fina.
        Mai no he vist un bosc tan verd com aquest.
        La música comença a les vuit a la plaça vella.
        Moltes gràcies per venir i fins la setmana vinent.
        """,
    "mr": """
        नमस्कार, आजच्या बातम्यांमध्ये आपले स्वागत आहे.
        माझी आई बाजारातून फळे आणि भाजी आणते.
        उद्या हवामान चांगले राहील, पण संध्याकाळी पाऊस पडेल.
        मला एक पेला पाणी मिळेल का?
        मुले दिवसभर बागेत खेळत होती.
        बाबा आणि मामा पुण्याला बसने गेले.
        आमच्या गावात एक जुना पूल आहे.
        खूप खूप धन्यवाद, पुन्हा भेटू.
        """,
    "te": """
        నమస్కారం, ఈ రోజు వార్తలకు స్వాగతం.
        మా అమ్మ బజారు నుండి పండ్లు తెస్తుంది.
        రేపు వాన పడుతుంది అని చెప్పారు.
        నాకు ఒక గ్లాసు మంచి నీళ్ళు ఇవ్వండి.
        పిల్లలు రోజంతా తోటలో ఆడుకున్నారు.
        మా బాబాయి పూలు మరియు పాలు కొన్నాడు.
        మీ ఊరిలో పెద్ద బడి ఉందా?
        చాలా ధన్యవాదాలు, మళ్ళీ కలుద్దాం.
        """,
}

SYLLABLE_ONSETS = ["p", "b", "m", "f", "v", "t", "d", "n", "s", "z", "l", "r", "k", "g", "ch", "sc"]
SYLLABLE_VOWELS = ["a", "e", "i", "o", "u"]
"""Letters of nonsense words, read with Italian spelling: every consonant meets every vowel."""
